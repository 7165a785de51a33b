import { createHash } from 'node:crypto';

/** The digest of a text body. */
export function digestOf(body: string): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}

/** All that a text names. */
export function digestsIn(body: string): string[] {
  return body.match(/sha256:[0-9a-f]{64}/g) ?? [];
}
