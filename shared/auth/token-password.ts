import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Row, StorageUnavailable, type TableStore } from '../ports/table-store.ts';
import type { StoredPassword } from './repository-token.ts';

/** By this and 43 characters of base64url after it, scanners recognise a password that leaked. */
const prefix = 'lighter_';
const passwordPattern = /^lighter_[A-Za-z0-9_-]{43}$/;

/** 256 random bits: nothing a dictionary or a fast hash could help to find. */
export function newPassword(): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** Whether it could be one of ours, by its form alone. */
export function looksLikePassword(text: string): boolean {
  return passwordPattern.test(text);
}

/** HMAC-SHA-256 (RFC 2104) of a token's password. The name is in it: a hash moves to no other. */
export function hashPassword(key: Uint8Array, rowKey: string, password: string): Uint8Array {
  return createHmac('sha256', key).update(`${rowKey} ${password}`, 'utf8').digest();
}

const noHash = new Uint8Array(32);

/**
 * Which of the passwords has that hash and has not ended. Compares twice in constant time, however
 * many passwords there are.
 */
export function matchingPassword(
  passwords: readonly StoredPassword[],
  hash: Uint8Array,
  nowMs: number,
): StoredPassword | undefined {
  const [first, second] = passwords;
  const isFirst = equal(first?.hash ?? noHash, hash);
  const isSecond = equal(second?.hash ?? noHash, hash);
  const match = (isFirst ? first : undefined) ?? (isSecond ? second : undefined);
  if (match === undefined) return undefined;
  return match.expiresAt === undefined || nowMs < match.expiresAt.getTime() ? match : undefined;
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

const partition = 'token-passwords';
const rowKey = '1';

/**
 * The key that passwords are hashed with, 256 bits, one row of table `keys`, made by whichever
 * instance needs it first and never changed: of instances that start together the insert of one
 * wins, and all read that one. Without it the hashes are worth nothing. Throws StorageUnavailable.
 */
export async function readPasswordKey(tables: TableStore): Promise<Uint8Array> {
  const row = await tables.get('keys', partition, rowKey);
  if (row !== undefined) return keyOf(row);
  const properties = { secret: new Uint8Array(randomBytes(32)) };
  await tables.commit('keys', partition, [{ kind: 'insert', rowKey, properties }]);
  return keyOf(await tables.get('keys', partition, rowKey));
}

function keyOf(row: Row | undefined): Uint8Array {
  const secret = row?.properties['secret'];
  if (!(secret instanceof Uint8Array) || secret.byteLength !== 32) {
    throw new StorageUnavailable('the key of the token passwords cannot be read');
  }
  return secret;
}
