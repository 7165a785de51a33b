import { createHash } from 'node:crypto';

/** A strong validator (RFC 9110, section 8.8.3), quoted: a hash of what it stands for. */
export function entityTagOf(content: Uint8Array | string): string {
  return `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;
}
