import { AzureNamedKeyCredential, TableClient } from '@azure/data-tables';
import { tableNames } from '../../shared/ports/table-store.ts';
import type { TestAzurite } from '../harness/azurite.ts';

/** All tables are gone, as when somebody deleted them. */
export async function wipeTables(azurite: TestAzurite): Promise<void> {
  for (const table of tableNames) await tableClient(azurite, table).deleteTable();
}

function tableClient({ accountName, accountKey, tableUrl }: TestAzurite, table: string) {
  const credential = new AzureNamedKeyCredential(accountName, accountKey);
  return new TableClient(tableUrl, table, credential, { allowInsecureConnection: true });
}
