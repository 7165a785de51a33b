import { type Digest, parseDigest } from './digest.ts';

/** A tag that has passed {@link parseTag}. */
export type Tag = string & { readonly __brand: 'Tag' };

/**
 * What may stand behind `manifests/`: a digest or a tag (OCI distribution-spec v1.1,
 * `<reference>`).
 */
export type Reference =
  | { readonly kind: 'digest'; readonly digest: Digest }
  | { readonly kind: 'tag'; readonly tag: Tag };

const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/**
 * Parses a tag: 1 to 128 of `[A-Za-z0-9_.-]`, not beginning with `.` or `-`. Undefined otherwise.
 */
export function parseTag(text: string): Tag | undefined {
  return tagPattern.test(text) ? (text as Tag) : undefined;
}

/** Parses a reference. Text with a colon can only be a digest. Undefined when it is neither. */
export function parseReference(text: string): Reference | undefined {
  const digest = parseDigest(text);
  if (digest !== undefined) return { kind: 'digest', digest };
  const tag = parseTag(text);
  return tag === undefined ? undefined : { kind: 'tag', tag };
}
