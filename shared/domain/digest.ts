import { createHash } from 'node:crypto';

/**
 * A content digest that has passed {@link parseDigest}: `sha256:<64 hex>` or `sha512:<128 hex>`.
 */
export type Digest = string & { readonly __brand: 'Digest' };

export const digestAlgorithms = ['sha256', 'sha512'] as const;
export type DigestAlgorithm = (typeof digestAlgorithms)[number];

const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/**
 * Parses a digest of an algorithm the registry can verify (OCI image-spec, descriptor, "Digests").
 * Returns undefined for anything else, upper-case hex included.
 */
export function parseDigest(text: string): Digest | undefined {
  return digestPattern.test(text) ? (text as Digest) : undefined;
}

/** Joins an algorithm and the hex that a hash of it printed. */
export function digestOf(algorithm: DigestAlgorithm, hex: string): Digest {
  return `${algorithm}:${hex}` as Digest;
}

/** Hashes bytes that are in memory. */
export function computeDigest(bytes: Uint8Array, algorithm: DigestAlgorithm): Digest {
  return digestOf(algorithm, createHash(algorithm).update(bytes).digest('hex'));
}

export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

export function parseDigestAlgorithm(text: string): DigestAlgorithm | undefined {
  return digestAlgorithms.find((algorithm) => algorithm === text);
}
