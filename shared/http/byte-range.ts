import type { ByteRange } from '../ports/blob-store.ts';

/**
 * What a Range header asks of a body of a known size (RFC 9110, section 14.1.2). `whole`: there is
 * no header, or one that must be ignored (another unit, bad syntax, too many ranges).
 */
export type RangeRequest =
  | { readonly kind: 'whole' }
  | { readonly kind: 'unsatisfiable' }
  | {
      readonly kind: 'ranges';
      readonly ranges: readonly ByteRange[];
      /** One range given by its first byte, which Azure's blob storage understands as it is. */
      readonly redirectable: boolean;
    };

const maxRanges = 16;

/** Parses a Range header against a size in bytes. Never throws. */
export function parseRange(header: string | null, sizeBytes: number): RangeRequest {
  const list = /^\s*bytes\s*=(.*)$/i.exec(header ?? '')?.[1];
  if (list === undefined) return { kind: 'whole' };
  const parts = list.split(',').map((part) => /^\s*(\d*)-(\d*)\s*$/.exec(part));
  if (parts.length > maxRanges) return { kind: 'whole' };

  const ranges: ByteRange[] = [];
  let bySuffix = false;
  for (const part of parts) {
    const [, first = '', last = ''] = part ?? [];
    if (first === '' && last === '') return { kind: 'whole' };
    if (first === '') {
      bySuffix = true;
      const length = Math.min(Number(last), sizeBytes);
      if (length > 0) ranges.push({ first: sizeBytes - length, last: sizeBytes - 1 });
    } else {
      if (last !== '' && Number(last) < Number(first)) return { kind: 'unsatisfiable' };
      const end = last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
      if (Number(first) <= end) ranges.push({ first: Number(first), last: end });
    }
  }
  if (ranges.length === 0) return { kind: 'unsatisfiable' };
  return { kind: 'ranges', ranges, redirectable: parts.length === 1 && !bySuffix };
}

/**
 * Parses the `Content-Range` of a chunk, `first-last`, as clients send it: mostly without a unit.
 */
export function parseContentRange(header: string): ByteRange | undefined {
  const [, first, last] =
    /^\s*(?:bytes[\s=]+)?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?\s*$/i.exec(header) ?? [];
  if (first === undefined || last === undefined || Number(last) < Number(first)) return undefined;
  return { first: Number(first), last: Number(last) };
}

export function rangeLength({ first, last }: ByteRange): number {
  return last - first + 1;
}
