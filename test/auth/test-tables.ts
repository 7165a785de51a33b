import { afterAll, beforeAll } from 'vitest';
import type { TableStore } from '../../shared/ports/table-store.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { tablesOf } from './registry-tables.ts';

/** Tables for all tests of the file that calls this, which are there in tests and hooks. */
export function testTables(): TableStore {
  let azurite: TestAzurite | undefined;
  let tables: TableStore | undefined;
  beforeAll(async () => {
    azurite = await startTestAzurite();
    tables = tablesOf(azurite);
  });
  afterAll(() => azurite?.stop());

  const there = () => {
    if (tables === undefined) throw new Error('tables are there in tests and hooks only');
    return tables;
  };
  return {
    get: (...given) => there().get(...given),
    list: (...given) => there().list(...given),
    commit: (...given) => there().commit(...given),
  };
}
