import { RegistryError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { TableStore } from '../ports/table-store.ts';
import { AttemptLimit } from './attempt-limit.ts';
import type { KnownToken, KnownTokens } from './known-tokens.ts';
import type { StoredToken } from './repository-token.ts';
import {
  hashPassword,
  looksLikePassword,
  matchingPassword,
  readPasswordKey,
} from './token-password.ts';

const wrongPasswords = { burst: 10, refillMs: 6_000 };
/** A wrong password is not called wrong on older knowledge: it may just have been made. */
const refusalFreshMs = 2_000;

/**
 * Compares passwords. What it does, and so how long it takes, depends on the name and the password
 * that were shown, not on whether there is such a token: no password is called wrong without a read
 * of its row after the last few seconds, none is compared without hashing it, a name without a
 * token is compared with a hash that none has.
 */
export class PasswordCheck {
  readonly #tables: TableStore;
  readonly #known: KnownTokens;
  readonly #clock: Clock;
  readonly #limit: AttemptLimit;
  #key: Promise<Uint8Array> | undefined;

  constructor(tables: TableStore, known: KnownTokens, clock: Clock) {
    this.#tables = tables;
    this.#known = known;
    this.#clock = clock;
    this.#limit = new AttemptLimit(wrongPasswords, clock);
  }

  /**
   * The token whose password that is; undefined when it is nobody's. Throws TOOMANYREQUESTS when it
   * is wrong after many wrong ones for that name, and StorageUnavailable.
   */
  async tokenOf(rowKey: string, password: string): Promise<StoredToken | undefined> {
    if (!looksLikePassword(password)) return undefined;
    const startedAtMs = this.#nowMs();
    const hash = hashPassword(await this.#readKey(), rowKey, password);
    const known = await this.#known.current(rowKey);
    if (this.#matches(known, hash)) return known.token;

    // Only a guess is held up: who has a password that is known to be right came in above.
    const waitMs = this.#limit.take(rowKey);
    if (waitMs > 0) throw tooManyGuesses(waitMs);
    const fresh = await this.#known
      .readForRefusal(rowKey, startedAtMs, refusalFreshMs)
      .catch((error: unknown) => {
        this.#limit.giveBack(rowKey);
        throw error;
      });
    if (!this.#matches(fresh, hash)) return undefined;
    this.#limit.giveBack(rowKey);
    return fresh.token;
  }

  #matches({ token }: KnownToken, hash: Uint8Array): boolean {
    return matchingPassword(token?.passwords ?? [], hash, this.#nowMs()) !== undefined;
  }

  /** Kept for good once it was read: it never changes. */
  #readKey(): Promise<Uint8Array> {
    this.#key ??= readPasswordKey(this.#tables).catch((error: unknown) => {
      this.#key = undefined;
      throw error;
    });
    return this.#key;
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}

function tooManyGuesses(waitMs: number): RegistryError {
  return new RegistryError('TOOMANYREQUESTS', {
    message: 'too many wrong passwords for this token',
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
  });
}
