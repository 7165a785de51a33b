import { isResourceName } from '../domain/resource-name.ts';
import type { Clock } from '../ports/clock.ts';
import { StorageUnavailable, type TableStore } from '../ports/table-store.ts';
import { KnownTokens, tokenPartition } from './known-tokens.ts';
import {
  parseTokenRow,
  type PasswordSlot,
  type RepositoryToken,
  shown,
  type StoredToken,
  tokenProperties,
  tokenRowKey,
} from './repository-token.ts';
import { PasswordCheck } from './password-check.ts';
import { hashPassword, newPassword, readPasswordKey } from './token-password.ts';
import { TokenUse } from './token-use.ts';

/** A token with the time of its last use, which is right to ten minutes. */
export interface ListedToken extends RepositoryToken {
  readonly lastUsedAt?: Date;
}

export interface TokenSettings {
  readonly scopeMap: string;
  readonly enabled: boolean;
}

/** What must hold for a token to be written: it is still of that ETag, or there is none yet. */
export interface PutCondition {
  readonly ifMatch?: string | undefined;
  readonly ifNoneMatch?: '*' | undefined;
}

const allNames = { from: '0', before: '{' };
const maxTries = 5;

/**
 * Repository tokens: rows of table `settings`, partition `tokens`, found by name whatever its case.
 * A change is in force on this instance at once and on others within `tokenPropagationSeconds`;
 * access tokens that were fetched before live their 75 minutes. Every method throws
 * StorageUnavailable.
 */
export class RepositoryTokens {
  readonly #tables: TableStore;
  readonly #clock: Clock;
  readonly #known: KnownTokens;
  readonly #use: TokenUse;
  readonly #check: PasswordCheck;

  constructor(tables: TableStore, clock: Clock) {
    this.#tables = tables;
    this.#clock = clock;
    this.#known = new KnownTokens(tables, clock);
    this.#use = new TokenUse(tables, clock);
    this.#check = new PasswordCheck(tables, this.#known, clock);
  }

  /** All of them, by lower-case name. */
  async list(): Promise<readonly ListedToken[]> {
    const [rows, uses] = await Promise.all([
      this.#tables.list('settings', tokenPartition, allNames),
      this.#use.all(),
    ]);
    return rows.map((row) => listed(parseTokenRow(row), uses.get(row.rowKey)));
  }

  async get(name: string): Promise<ListedToken | undefined> {
    const rowKey = tokenRowKey(name);
    if (!isResourceName(name)) return undefined;
    const [token, usedAt] = await Promise.all([this.#read(rowKey), this.#use.of(rowKey)]);
    return token && listed(token, usedAt);
  }

  /**
   * Makes a token, without a password, or changes its scope map and whether it is enabled; its
   * passwords stay. Atomic. `changed-meanwhile`: the condition does not hold. Throws RangeError for
   * a name that no token may have.
   */
  async put(
    name: string,
    { scopeMap, enabled }: TokenSettings,
    { ifMatch, ifNoneMatch }: PutCondition = {},
  ): Promise<RepositoryToken | 'changed-meanwhile'> {
    if (!isResourceName(name)) throw new RangeError('no token may have that name');
    const fresh = { name, createdAt: this.now(), passwords: [] };
    const written = await this.#change(name, (before) => {
      if (ifMatch !== undefined && before?.etag !== ifMatch) return undefined;
      if (ifNoneMatch === '*' && before !== undefined) return undefined;
      return { ...(before ?? fresh), scopeMap, enabled };
    });
    return written === undefined ? 'changed-meanwhile' : shown(written);
  }

  /** False when there was no such token, or, with `ifMatch`, when it is not of that ETag. */
  async delete(name: string, ifMatch = '*'): Promise<boolean> {
    const rowKey = tokenRowKey(name);
    const operation = { kind: 'delete', rowKey, etag: ifMatch } as const;
    const { ok } = await this.#commit(rowKey, operation);
    if (!ok) {
      this.#known.forget(rowKey);
      return false;
    }
    this.#known.written(rowKey, undefined);
    await this.#use.forget(rowKey);
    return true;
  }

  /**
   * Makes a new password in that place; the one there before ends. It is told here and never again:
   * what is kept is its hash. Undefined when there is no such token.
   */
  async generatePassword(
    name: string,
    slot: PasswordSlot,
    expiresAt?: Date,
  ): Promise<string | undefined> {
    const password = newPassword();
    const key = await readPasswordKey(this.#tables);
    const made = {
      slot,
      hash: hashPassword(key, tokenRowKey(name), password),
      createdAt: this.now(),
      ...(expiresAt !== undefined && { expiresAt }),
    };
    const written = await this.#change(
      name,
      (before) => before && { ...before, passwords: [...without(slot, before), made] },
    );
    return written && password;
  }

  /** False when there is no such token; true also when it had no such password. */
  async deletePassword(name: string, slot: PasswordSlot): Promise<boolean> {
    const written = await this.#change(
      name,
      (before) => before && { ...before, passwords: without(slot, before) },
    );
    return written !== undefined;
  }

  /** What an instance knows of a token: at most `tokenPropagationSeconds` old. */
  async current(name: string): Promise<RepositoryToken | undefined> {
    const { token } = await this.#known.current(tokenRowKey(name));
    return token && shown(token);
  }

  /**
   * Whether that is a password of an enabled token, which then counts as used. Costs storage
   * nothing on an instance that knows the token; takes the same time and answers the same whether
   * there is such a token or not. Throws TOOMANYREQUESTS after many wrong ones for a name; who
   * shows a right one is let in meanwhile.
   */
  async signIn(name: string, password: string): Promise<boolean> {
    const rowKey = tokenRowKey(name);
    const token = await this.#check.tokenOf(rowKey, password);
    if (token?.enabled !== true) return false;
    this.#use.note(rowKey);
    return true;
  }

  /** The time by which passwords end. */
  now(): Date {
    return this.#clock.now();
  }

  /** Read, change, write under the ETag, again when somebody was faster. Undefined: no change. */
  async #change(
    name: string,
    change: (before: StoredToken | undefined) => Omit<StoredToken, 'etag'> | undefined,
  ): Promise<StoredToken | undefined> {
    const rowKey = tokenRowKey(name);
    for (let tries = 0; tries < maxTries; tries += 1) {
      const before = await this.#read(rowKey);
      const after = change(before);
      if (after === undefined) return undefined;
      const properties = tokenProperties(after);
      const outcome = await this.#commit(
        rowKey,
        before === undefined
          ? { kind: 'insert', rowKey, properties }
          : { kind: 'replace', rowKey, etag: before.etag, properties },
      );
      if (!outcome.ok) continue;
      const written = { ...after, etag: outcome.etags[0] ?? '' };
      this.#known.written(rowKey, written);
      return written;
    }
    throw new StorageUnavailable(`token ${rowKey} is being changed by others`);
  }

  async #read(rowKey: string): Promise<StoredToken | undefined> {
    const row = await this.#tables.get('settings', tokenPartition, rowKey);
    return row && parseTokenRow(row);
  }

  async #commit(rowKey: string, operation: Parameters<TableStore['commit']>[2][number]) {
    try {
      return await this.#tables.commit('settings', tokenPartition, [operation]);
    } catch (error) {
      this.#known.forget(rowKey);
      throw error;
    }
  }
}

function without(slot: PasswordSlot, { passwords }: StoredToken) {
  return passwords.filter((password) => password.slot !== slot);
}

/** A use before the token was made was of one of that name that is no more. */
function listed(token: StoredToken, usedAt: Date | undefined): ListedToken {
  const isOwn = usedAt !== undefined && usedAt >= token.createdAt;
  return { ...shown(token), ...(isOwn && { lastUsedAt: usedAt }) };
}
