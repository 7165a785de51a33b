import { createHash } from 'node:crypto';

/** The digest of these bytes as registries write it. */
export const sha256 = (bytes: string | Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
