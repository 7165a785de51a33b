import { RegistryError } from '../../errors.ts';

/**
 * Holds `If-Match` and `If-None-Match` of a request that changes something (RFC 9110, section 13.1)
 * against what is there now; undefined: nothing is. Throws UNSUPPORTED 412.
 */
export function checkConditions(headers: Headers, etag: string | undefined): void {
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  const matches = (header: string) =>
    etag !== undefined && (header.trim() === '*' || entityTagsIn(header).includes(etag));
  if (ifMatch !== null && !matches(ifMatch)) {
    throw failed(
      etag === undefined ? 'there is nothing of that name' : 'it has changed meanwhile',
      etag,
    );
  }
  if (ifNoneMatch !== null && matches(ifNoneMatch)) throw failed('it is there already', etag);
}

/** Throws UNSUPPORTED 428 (RFC 6585, section 3) without `If-Match`. */
export function requireIfMatch(headers: Headers): void {
  if (headers.has('if-match')) return;
  throw new RegistryError('UNSUPPORTED', {
    status: 428,
    message: 'If-Match is missing: the ETag of the document that this one replaces, or *',
  });
}

function failed(message: string, etag: string | undefined): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 412,
    message,
    ...(etag !== undefined && { detail: { etag } }),
  });
}

/** Weak ones never match, as section 13.1.1 has it. */
function entityTagsIn(header: string): readonly string[] {
  return header.split(',').map((each) => each.trim());
}
