import { type Digest, parseDigest } from '../domain/digest.ts';
import { RegistryError } from '../errors.ts';
import type { TagCondition } from '../registry/tags/tag-operations.ts';

/**
 * Reads `If-Match` and `If-None-Match` of a manifest PUT (RFC 9110, section 13.1), where an entity
 * tag is the digest the tag points to. Throws UNSUPPORTED 400 for conditions that can't be kept.
 */
export function parseTagCondition(headers: Headers): TagCondition {
  const ifMatch = headers.get('if-match');
  const ifNoneMatch = headers.get('if-none-match');
  if (ifMatch !== null && ifNoneMatch !== null)
    throw malformed('If-Match and If-None-Match together');
  if (ifNoneMatch !== null) {
    if (ifNoneMatch.trim() !== '*') throw malformed('If-None-Match of a PUT must be *');
    return { kind: 'absent' };
  }
  if (ifMatch === null) return { kind: 'none' };
  return { kind: 'match', digests: ifMatch.trim() === '*' ? [] : parseEntityTags(ifMatch) };
}

/** Whether a GET's `If-None-Match` names this digest, or is `*`, so that 304 answers it. */
export function isUnchanged(headers: Headers, digest: Digest): boolean {
  const header = headers.get('if-none-match');
  if (header === null) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest}"`);
}

function parseEntityTags(header: string): Digest[] {
  return header.split(',').map((each) => {
    const digest = parseDigest(each.trim().replace(/^"(.*)"$/, '$1'));
    if (digest === undefined) throw malformed('If-Match must hold digests');
    return digest;
  });
}

function malformed(message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', { status: 400, message });
}
