import { azureTableStore } from '../../shared/adapters/azure-tables.ts';
import { connectTableService } from '../../shared/adapters/table-service.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { TableStore } from '../../shared/ports/table-store.ts';
import type { TestAzurite } from '../harness/azurite.ts';

/** The tables of an Azurite, as one instance of the registry reaches them; gives up quickly. */
export function tablesOf(azurite: TestAzurite): TableStore {
  const { blobUrl, tableUrl, accountName, accountKey } = azurite;
  const credential = { kind: 'key', accountName, accountKey } as const;
  return azureTableStore(connectTableService({ blobUrl, tableUrl, credential }), {
    tries: 2,
    firstDelayMs: 10,
    tryTimeoutMs: 5_000,
    deadlineMs: 10_000,
  });
}

/** The store, counting what it is asked. */
export function counted(tables: TableStore): TableStore & { readonly asked: string[] } {
  const asked: string[] = [];
  const count = (method: string): TableStore => {
    asked.push(method);
    return tables;
  };
  return {
    asked,
    get: (...given) => count('get').get(...given),
    list: (...given) => count('list').list(...given),
    commit: (...given) => count('commit').commit(...given),
  };
}

/** Wall time that a test can move. */
export interface MovableClock extends Clock {
  advance(seconds: number): void;
}

export function movableClock(): MovableClock {
  let offsetMs = 0;
  return {
    now: () => new Date(Date.now() + offsetMs),
    advance: (seconds) => {
      offsetMs += seconds * 1000;
    },
  };
}

/** Takes all signing keys away, as an operator does after one leaked. */
export async function deleteSigningKeys(tables: TableStore): Promise<void> {
  for (const { rowKey, etag } of await tables.list('keys', 'signing', { from: '0', before: ':' })) {
    await tables.commit('keys', 'signing', [{ kind: 'delete', rowKey, etag }]);
  }
}
