import { type Row, type RowProperties, StorageUnavailable } from '../ports/table-store.ts';

/** A token has up to two passwords, so that one can be replaced while the other is in use. */
export const passwordSlots = ['password1', 'password2'] as const;
export type PasswordSlot = (typeof passwordSlots)[number];

/** What is known of a password once it has been shown. */
export interface TokenPassword {
  readonly slot: PasswordSlot;
  readonly createdAt: Date;
  /** From then on it is refused; never when left out. */
  readonly expiresAt?: Date;
}

/** A user of the registry's own, who may do what a scope map of the policy says (ACR, "token"). */
export interface RepositoryToken {
  /** As it was written when it was made; it is found whatever the case. */
  readonly name: string;
  /** Name of the scope map. One that the policy does not have gives nothing. */
  readonly scopeMap: string;
  readonly enabled: boolean;
  readonly passwords: readonly TokenPassword[];
  readonly createdAt: Date;
  /** Of the token with its passwords, not of its last use. Opaque. */
  readonly etag: string;
}

/** A password as it is kept: the keyed hash alone. */
export interface StoredPassword extends TokenPassword {
  readonly hash: Uint8Array;
}

export interface StoredToken extends RepositoryToken {
  readonly passwords: readonly StoredPassword[];
}

/** The row of a token, whose key is {@link tokenRowKey}. */
export function tokenProperties(token: Omit<StoredToken, 'etag'>): RowProperties {
  const { name, scopeMap, enabled, createdAt, passwords } = token;
  const ofPasswords = passwords.flatMap(({ slot, hash, createdAt: made, expiresAt }) => [
    [`${slot}Hash`, hash] as const,
    [`${slot}CreatedAt`, made] as const,
    ...(expiresAt === undefined ? [] : [[`${slot}ExpiresAt`, expiresAt] as const]),
  ]);
  return { name, scopeMap, enabled, createdAt, ...Object.fromEntries(ofPasswords) };
}

export const tokenRowKey = (name: string) => name.toLowerCase();

/** Throws StorageUnavailable when the row is no token: nothing is known of it then. */
export function parseTokenRow({ rowKey, etag, properties }: Row): StoredToken {
  const { name, scopeMap, enabled, createdAt } = properties;
  if (
    typeof name !== 'string' ||
    typeof scopeMap !== 'string' ||
    typeof enabled !== 'boolean' ||
    !(createdAt instanceof Date)
  ) {
    throw new StorageUnavailable(`the row of token ${rowKey} cannot be read`);
  }
  const passwords = passwordSlots.flatMap((slot) => parsePassword(slot, properties) ?? []);
  return { name, scopeMap, enabled, createdAt, passwords, etag };
}

function parsePassword(slot: PasswordSlot, properties: RowProperties): StoredPassword | undefined {
  const hash = properties[`${slot}Hash`];
  const createdAt = properties[`${slot}CreatedAt`];
  const expiresAt = properties[`${slot}ExpiresAt`];
  if (!(hash instanceof Uint8Array) || !(createdAt instanceof Date)) return undefined;
  return { slot, hash, createdAt, ...(expiresAt instanceof Date && { expiresAt }) };
}

/** The token without the hashes, as it may be shown. */
export function shown({ passwords, ...token }: StoredToken): RepositoryToken {
  return { ...token, passwords: passwords.map(({ hash: _secret, ...password }) => password) };
}
