import { randomUUID } from 'node:crypto';
import { type Operation, StorageUnavailable, type TableStore } from '../ports/table-store.ts';
import { tokenPartition } from './known-tokens.ts';

/** Before the names of tokens, none of which begins so. */
const prefix = '!';
const all = { from: prefix, before: '"' };

type Intent = Extract<Operation, { readonly kind: 'delete' }>;

/**
 * That a token is about to get a scope map: rows beside the tokens, so that the transaction that
 * writes the token can consume them. Who deletes the map takes them away first, and that
 * transaction fails. Nothing needs the row of a process that died. Every method throws
 * StorageUnavailable.
 */
export class ScopeMapIntents {
  readonly #tables: TableStore;

  constructor(tables: TableStore) {
    this.#tables = tables;
  }

  /**
   * Announces the intent, then asks `requireScopeMap`, whose errors pass through.
   *
   * @returns what has to be done in the transaction that writes the token.
   */
  async announce(
    token: string,
    scopeMap: string,
    requireScopeMap: () => Promise<void>,
  ): Promise<Intent> {
    // A key of its own: who changes the same token meanwhile has another.
    const rowKey = `${prefix}${token}!${randomUUID()}`;
    const outcome = await this.#commit({ kind: 'insert', rowKey, properties: { scopeMap } });
    if (!outcome.ok) throw new StorageUnavailable('an intent was not written');
    // Not `*`: one that was taken away may be delivered once more.
    const intent = { kind: 'delete', rowKey, etag: outcome.etags[0] ?? '' } as const;
    try {
      await requireScopeMap();
    } catch (error) {
      await this.forget(intent);
      throw error;
    }
    return intent;
  }

  /** Of a transaction that failed; what cannot be forgotten does no harm. */
  async forget({ kind, rowKey }: Intent): Promise<void> {
    await this.#commit({ kind, rowKey, etag: '*' }).catch(() => undefined);
  }

  /** From now on nobody who announced one of these scope maps before can write it. */
  async withdraw(scopeMaps: ReadonlySet<string>): Promise<void> {
    const rows = await this.#tables.list('settings', tokenPartition, all);
    for (const { rowKey, properties } of rows) {
      if (!scopeMaps.has(String(properties['scopeMap']).toLowerCase())) continue;
      await this.#commit({ kind: 'delete', rowKey, etag: '*' });
    }
  }

  #commit(operation: Operation) {
    return this.#tables.commit('settings', tokenPartition, [operation]);
  }
}
