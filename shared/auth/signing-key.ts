import type { CryptoKey, JWK } from 'jose';
import type { Row, RowProperties } from '../ports/table-store.ts';

/** One ES256 key pair (RFC 7518 section 3.4). */
export interface SigningKey {
  /**
   * Rises by one with each key; the number is what two instances creating a key at once compete
   * for.
   */
  readonly generation: number;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** The public half as it is published, `kid`, `alg` and `use` included. */
  readonly publicJwk: JWK;
  /** When storage wrote it, on this instance's clock, in milliseconds. */
  readonly createdAtMs: number;
  readonly etag: string;
}

/**
 * Makes a key pair and returns it as the properties of its row. The `kid` is the key's RFC 7638
 * thumbprint.
 */
export async function newKeyProperties(): Promise<RowProperties> {
  const jose = await import('jose');
  const { privateKey } = await jose.generateKeyPair('ES256', { extractable: true });
  const privateJwk = await jose.exportJWK(privateKey);
  return {
    kid: await jose.calculateJwkThumbprint(privateJwk),
    privateJwk: JSON.stringify(privateJwk),
  };
}

export const generationRowKey = (generation: number) => String(generation).padStart(10, '0');

/**
 * Reads a key's row. `nowMs` is when storage said how old the row is. Throws when the row is not a
 * key.
 */
export async function importKey(row: Row, nowMs: number): Promise<SigningKey> {
  const { kid, privateJwk } = row.properties;
  if (typeof kid !== 'string' || typeof privateJwk !== 'string') {
    throw new Error(`row ${row.rowKey} of table keys is not a signing key`);
  }
  const jose = await import('jose');
  const privateHalf: JWK = JSON.parse(privateJwk);
  const { d: _secret, ...publicHalf } = privateHalf;
  return {
    generation: Number(row.rowKey),
    kid,
    privateKey: await importEs256(jose, privateHalf),
    publicKey: await importEs256(jose, publicHalf),
    publicJwk: { ...publicHalf, kid, alg: 'ES256', use: 'sig' },
    createdAtMs: nowMs - row.ageMs,
    etag: row.etag,
  };
}

async function importEs256(jose: typeof import('jose'), jwk: JWK): Promise<CryptoKey> {
  const key = await jose.importJWK(jwk, 'ES256');
  if (key instanceof Uint8Array) throw new Error('a signing key must be an elliptic curve key');
  return key;
}
