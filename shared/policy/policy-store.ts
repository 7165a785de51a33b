import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../ports/clock.ts';
import { type Row, StorageUnavailable, type TableStore } from '../ports/table-store.ts';
import { entityTagOf } from './entity-tag.ts';
import type { PolicyDocument } from './policy-document.ts';

const partition = 'policy';
const rowKey = 'document';
/** Of the JSON: a binary property of a row holds 64 KiB. */
export const maxPolicyBytes = 60 * 1024;
const refreshMs = 20_000;
/** A change that was acknowledged is in force everywhere after so long. */
export const propagationSeconds = 60;
/** For so long what was last read holds while storage cannot be asked. */
const maxStaleMs = 15 * 60_000;
const retryMs = 2_000;
const maxUpdateTries = 40;
const maxUpdateWaitMs = 500;

export interface StoredPolicy {
  readonly document: PolicyDocument;
  /** Strong validator of the document, quoted: a hash of its bytes. */
  readonly etag: string;
}

/** What is stored is no policy that this release knows. */
export class PolicyUnreadable extends StorageUnavailable {}

export type PolicyWrite = StoredPolicy | 'changed-meanwhile' | 'too-large';

/**
 * The policy document, kept in one row of table `settings`; without that row, the empty policy.
 * Instances read it when they need it and keep it: a change is in force after
 * {@link propagationSeconds} at most.
 */
export class PolicyStore {
  readonly #tables: TableStore;
  readonly #clock: Clock;
  #known: StoredPolicy | undefined;
  #readAtMs = -Infinity;
  #triedAtMs = -Infinity;
  #reading: Promise<StoredPolicy> | undefined;

  constructor(tables: TableStore, clock: Clock) {
    this.#tables = tables;
    this.#clock = clock;
  }

  /**
   * The policy to decide by: at most {@link propagationSeconds} old, or a quarter of an hour while
   * storage cannot be asked. Throws StorageUnavailable when nothing so recent is known. On an
   * instance that is in use it asks storage nothing before it answers.
   */
  async current(): Promise<PolicyDocument> {
    const ageMs = this.#nowMs() - this.#readAtMs;
    const known = this.#known;
    if (known === undefined || ageMs >= maxStaleMs) return (await this.#shared()).document;
    if (ageMs < refreshMs) return known.document;
    if (this.#nowMs() - this.#triedAtMs < retryMs) return known.document;
    const reading = this.#shared();
    if (ageMs >= propagationSeconds * 1000) {
      return (await reading.catch(() => known)).document;
    }
    void reading.catch(() => undefined);
    return known.document;
  }

  /**
   * As {@link current}, and never older than {@link propagationSeconds}: for what nobody may do any
   * more once a change was acknowledged so long ago. Throws StorageUnavailable when storage cannot
   * be asked.
   */
  async inForce(): Promise<PolicyDocument> {
    await this.current();
    const isInForce = this.#nowMs() - this.#readAtMs < propagationSeconds * 1000;
    if (this.#known !== undefined && isInForce) return this.#known.document;
    return (await this.#shared()).document;
  }

  /** The policy as storage has it now. Throws StorageUnavailable, PolicyUnreadable among them. */
  async read(): Promise<StoredPolicy> {
    return stored(await this.#row());
  }

  /**
   * Replaces the document, whatever it is, be it unreadable; `changed-meanwhile` when another one
   * was written during the call. Atomic. A document that is there already, as when an answer was
   * lost, counts as written. Throws StorageUnavailable.
   */
  async overwrite(document: PolicyDocument): Promise<PolicyWrite> {
    return this.#replace(await this.#row(), document);
  }

  /**
   * Makes another document of the one in storage, and again of what somebody else wrote meanwhile,
   * so that no change is lost. What `change` throws ends it and passes through. Throws
   * StorageUnavailable, also when others keep coming first.
   */
  async update(
    change: (before: StoredPolicy) => PolicyDocument | Promise<PolicyDocument>,
  ): Promise<StoredPolicy | 'too-large'> {
    for (let tries = 0; tries < maxUpdateTries; tries++) {
      const row = await this.#row();
      const outcome = await this.#replace(row, await change(await stored(row)));
      if (outcome !== 'changed-meanwhile') return outcome;
      await sleep(Math.random() * Math.min(10 * 2 ** tries, maxUpdateWaitMs));
    }
    throw new StorageUnavailable('others keep changing the policy');
  }

  /**
   * The policy as it is, after every {@link update} under way was made to begin again: it sees what
   * was stored before this call, or this call sees its change. Throws StorageUnavailable.
   */
  async readFenced(): Promise<StoredPolicy> {
    const properties = { fence: randomUUID() };
    await this.#tables.commit('settings', partition, [
      { kind: 'merge', rowKey, etag: '*', properties },
    ]);
    return this.read();
  }

  async #replace(row: Row | undefined, document: PolicyDocument): Promise<PolicyWrite> {
    const bytes = policyBytes(document);
    if (bytes.byteLength > maxPolicyBytes) return 'too-large';
    const properties = { document: bytes };
    const outcome = await this.#tables.commit('settings', partition, [
      row === undefined
        ? { kind: 'insert', rowKey, properties }
        : { kind: 'replace', rowKey, etag: row.etag, properties },
    ]);
    const after = outcome.ok ? { document, etag: entityTagOf(bytes) } : await this.read();
    if (after.etag !== entityTagOf(bytes)) return 'changed-meanwhile';
    this.#remember(after, this.#nowMs());
    return after;
  }

  #row(): Promise<Row | undefined> {
    return this.#tables.get('settings', partition, rowKey);
  }

  /** Reads and remembers; those who ask while a read is under way share it. */
  #shared(): Promise<StoredPolicy> {
    this.#reading ??= this.#readNow().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #readNow(): Promise<StoredPolicy> {
    const startedAtMs = this.#nowMs();
    this.#triedAtMs = startedAtMs;
    const policy = await this.read();
    if (startedAtMs >= this.#readAtMs) this.#remember(policy, startedAtMs);
    return policy;
  }

  #remember(policy: StoredPolicy, readAtMs: number): void {
    this.#known = policy;
    this.#readAtMs = readAtMs;
  }

  #nowMs(): number {
    return this.#clock.now().getTime();
  }
}

/** An unreadable document decides nothing: neither opens anything nor lifts a protection. */
async function stored(row: Row | undefined): Promise<StoredPolicy> {
  const { parsePolicy } = await import('./policy-document.ts');
  const bytes = row?.properties['document'] ?? new Uint8Array(Buffer.from('{}'));
  const json: unknown = bytes instanceof Uint8Array ? parseJson(bytes) : undefined;
  const parsed = parsePolicy(json);
  if (!(bytes instanceof Uint8Array) || 'problems' in parsed) {
    const cause = 'problems' in parsed ? JSON.stringify(parsed.problems.slice(0, 3)) : undefined;
    throw new PolicyUnreadable('the stored policy cannot be read', { cause });
  }
  return { document: parsed.policy, etag: entityTagOf(bytes) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The document as it is stored. */
export function policyBytes(document: PolicyDocument): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(document), 'utf8'));
}
