import { isResourceName } from '../domain/resource-name.ts';
import type { Clock } from '../ports/clock.ts';
import { type Operation, StorageUnavailable, type TableStore } from '../ports/table-store.ts';
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
import { ScopeMapIntents } from './scope-map-intents.ts';
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
  /**
   * Asked before the token gets another scope map than it has; throws when there is no such map.
   * Must see every map that was deleted before it, and make a deletion under way look again.
   */
  readonly requireScopeMap?: () => Promise<void>;
}

export interface PutToken {
  readonly token: RepositoryToken;
  /** Whether there was none of that name. */
  readonly created: boolean;
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
  readonly #intents: ScopeMapIntents;

  constructor(tables: TableStore, clock: Clock) {
    this.#tables = tables;
    this.#clock = clock;
    this.#known = new KnownTokens(tables, clock);
    this.#use = new TokenUse(tables, clock);
    this.#check = new PasswordCheck(tables, this.#known, clock);
    this.#intents = new ScopeMapIntents(tables);
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
   * Names of the tokens that have one of these scope maps, which are given in lower case. Who is
   * about to give one of them to a token asks again whether it is there.
   */
  async holdersOf(scopeMaps: ReadonlySet<string>): Promise<readonly string[]> {
    await this.#intents.withdraw(scopeMaps);
    const rows = await this.#tables.list('settings', tokenPartition, allNames);
    return rows
      .map(parseTokenRow)
      .filter(({ scopeMap }) => scopeMaps.has(scopeMap.toLowerCase()))
      .map(({ name }) => name);
  }

  /**
   * Makes a token, without a password, or changes its scope map and whether it is enabled; its
   * passwords stay. Atomic. `changed-meanwhile`: the condition does not hold. Throws RangeError for
   * a name that no token may have; what `requireScopeMap` throws passes through, and then nothing
   * was changed.
   */
  async put(
    name: string,
    { scopeMap, enabled }: TokenSettings,
    { ifMatch, ifNoneMatch, requireScopeMap }: PutCondition = {},
  ): Promise<PutToken | 'changed-meanwhile'> {
    if (!isResourceName(name)) throw new RangeError('no token may have that name');
    const fresh = { name, createdAt: this.now(), passwords: [] };
    const change = (before: StoredToken | undefined) => {
      if (ifMatch !== undefined && before?.etag !== ifMatch) return undefined;
      if (ifNoneMatch === '*' && before !== undefined) return undefined;
      return { ...(before ?? fresh), scopeMap, enabled };
    };
    const changed = await this.#change(name, change, requireScopeMap);
    if (changed === undefined) return 'changed-meanwhile';
    return { token: shown(changed.after), created: changed.before === undefined };
  }

  /** False when there was no such token, or, with `ifMatch`, when it is not of that ETag. */
  async delete(name: string, ifMatch = '*'): Promise<boolean> {
    const rowKey = tokenRowKey(name);
    const operation = { kind: 'delete', rowKey, etag: ifMatch } as const;
    const { ok } = await this.#commit(rowKey, [operation]);
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
    requireScopeMap?: () => Promise<void>,
  ): Promise<{ before: StoredToken | undefined; after: StoredToken } | undefined> {
    const rowKey = tokenRowKey(name);
    for (let tries = 0; tries < maxTries; tries += 1) {
      const before = await this.#read(rowKey);
      const after = change(before);
      if (after === undefined) return undefined;
      const isAnother = before?.scopeMap.toLowerCase() !== after.scopeMap.toLowerCase();
      const intent =
        requireScopeMap !== undefined && isAnother
          ? await this.#intents.announce(rowKey, after.scopeMap, requireScopeMap)
          : undefined;
      const properties = tokenProperties(after);
      const outcome = await this.#commit(rowKey, [
        before === undefined
          ? { kind: 'insert', rowKey, properties }
          : { kind: 'replace', rowKey, etag: before.etag, properties },
        ...(intent === undefined ? [] : [intent]),
      ]);
      if (outcome.ok) {
        const written = { ...after, etag: outcome.etags[0] ?? '' };
        this.#known.written(rowKey, written);
        return { before, after: written };
      }
      if (intent !== undefined) await this.#intents.forget(intent);
    }
    throw new StorageUnavailable(`token ${rowKey} is being changed by others`);
  }

  async #read(rowKey: string): Promise<StoredToken | undefined> {
    const row = await this.#tables.get('settings', tokenPartition, rowKey);
    return row && parseTokenRow(row);
  }

  async #commit(rowKey: string, operations: readonly Operation[]) {
    try {
      return await this.#tables.commit('settings', tokenPartition, operations);
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
