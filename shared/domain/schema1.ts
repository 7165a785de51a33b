import { isObject, parseJsonObject } from './json.ts';

/**
 * The bytes that the digest of a Docker schema 1 manifest is of. A signed one carries JWS
 * signatures that are not part of its identity: each says in its protected header how long the
 * payload before them is (`formatLength`) and how it ends (`formatTail`). Unsigned ones, and ones
 * whose header makes no sense, are themselves. (docs.docker.com, "Image manifest V2, schema 1",
 * "Signed manifests")
 */
export function schema1Payload(bytes: Uint8Array): Uint8Array {
  const signatures: unknown = parseJsonObject(bytes)?.['signatures'];
  const first: unknown = Array.isArray(signatures) ? signatures[0] : undefined;
  const header = isObject(first) ? first['protected'] : undefined;
  if (typeof header !== 'string') return bytes;

  const format = parseJsonObject(Buffer.from(header, 'base64url'));
  const length = format?.['formatLength'];
  const tail = format?.['formatTail'];
  if (typeof length !== 'number' || typeof tail !== 'string') return bytes;
  if (!Number.isInteger(length) || length < 0 || length > bytes.byteLength) return bytes;
  return Buffer.concat([bytes.subarray(0, length), Buffer.from(tail, 'base64url')]);
}
