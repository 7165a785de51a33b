import type { CryptoKey, JWK } from 'jose';
import type { Clock } from '../ports/clock.ts';
import { StorageUnavailable, type TableStore } from '../ports/table-store.ts';
import { type KeySchedule, retiredKeys, rotationIsDue, signingKeyAt } from './key-schedule.ts';
import { generationRowKey, importKey, newKeyProperties, type SigningKey } from './signing-key.ts';

const partition = 'signing';
const allGenerations = { from: '0', before: ':' };

/**
 * The registry's own ES256 keys, made by whichever instance needs one first. A row of table `keys`
 * is a generation; it is inserted once and never changed, so instances that start together agree on
 * the one that storage took. Everything is read lazily and kept; while storage is down, what was
 * read goes on serving. The first use can throw StorageUnavailable.
 */
export class SigningKeys {
  readonly #tables: TableStore;
  readonly #clock: Clock;
  readonly #schedule: KeySchedule;
  /** Ascending by generation. */
  #keys: readonly SigningKey[] = [];
  #readAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #reading: Promise<void> | undefined;
  #making: Promise<void> | undefined;

  constructor(tables: TableStore, clock: Clock, schedule: KeySchedule) {
    this.#tables = tables;
    this.#clock = clock;
    this.#schedule = schedule;
  }

  /** The key to sign with now. Makes the first key when there is none. */
  async current(): Promise<SigningKey> {
    await this.#refresh();
    if (this.#keys.length === 0) await this.#makeFirst();
    const key = signingKeyAt(this.#keys, this.#nowMs(), this.#schedule);
    if (key === undefined) throw new StorageUnavailable('the signing key just made cannot be read');
    return key;
  }

  /**
   * The public key of a `kid`; undefined when there is none. A `kid` not seen before makes the keys
   * be read again, at most every `retryMs`, so that made-up ones cost storage nothing.
   */
  async verificationKey(kid: string): Promise<CryptoKey | undefined> {
    if (this.#keys.length === 0) await this.current();
    const known = this.#find(kid);
    if (known !== undefined) {
      // A known key must not wait for storage; the copy is brought up to date behind its back.
      void this.#refresh().catch(() => undefined);
      return known.publicKey;
    }
    if (this.#mayTry()) await this.#read();
    else await this.#reading;
    return this.#find(kid)?.publicKey;
  }

  /**
   * Public halves of all keys a living token may be signed with, and of the next one: RFC 7517
   * "keys".
   */
  async published(): Promise<JWK[]> {
    await this.current();
    return this.#keys.map((key) => key.publicJwk);
  }

  /**
   * Makes a successor when the newest key is old enough and deletes keys whose tokens have all
   * ended.
   */
  async rotate(): Promise<void> {
    await this.#read();
    const newest = this.#keys.at(-1);
    if (newest === undefined || rotationIsDue(newest, this.#nowMs(), this.#schedule)) {
      await this.#insert((newest?.generation ?? 0) + 1);
    }
    for (const key of retiredKeys(this.#keys, this.#nowMs(), this.#schedule)) {
      const rowKey = generationRowKey(key.generation);
      await this.#tables.commit('keys', partition, [{ kind: 'delete', rowKey, etag: key.etag }]);
    }
    await this.#read();
  }

  /**
   * Reads the keys when the copy is old. A failure is the caller's only when there is no copy at
   * all.
   */
  async #refresh(): Promise<void> {
    if (this.#nowMs() - this.#readAtMs < this.#schedule.refreshMs) return;
    if (this.#keys.length > 0 && !this.#mayTry()) return;
    try {
      await this.#read();
    } catch (error) {
      if (this.#keys.length === 0) throw error;
    }
  }

  #mayTry(): boolean {
    return this.#nowMs() - this.#triedAtMs >= this.#schedule.retryMs;
  }

  /** Reads all keys; those who ask while a read is under way share it. */
  #read(): Promise<void> {
    this.#reading ??= this.#readNow().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readNow(): Promise<void> {
    this.#triedAtMs = this.#nowMs();
    const rows = await this.#tables.list('keys', partition, allGenerations);
    const nowMs = this.#nowMs();
    this.#keys = await Promise.all(rows.map((row) => importKey(row, nowMs)));
    this.#readAtMs = nowMs;
  }

  #makeFirst(): Promise<void> {
    this.#making ??= this.#insert(1)
      .then(() => this.#read())
      .finally(() => (this.#making = undefined));
    return this.#making;
  }

  /** Inserts a key of that generation unless another instance already has. */
  async #insert(generation: number): Promise<void> {
    const rowKey = generationRowKey(generation);
    const properties = await newKeyProperties();
    await this.#tables.commit('keys', partition, [{ kind: 'insert', rowKey, properties }]);
  }

  #find(kid: string): SigningKey | undefined {
    return this.#keys.find((key) => key.kid === kid);
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}
