import type { Config } from '../config.ts';
import type { TableStore } from '../ports/table-store.ts';
import { azureTableStore } from './azure-tables.ts';
import { connectTableService } from './table-service.ts';

/**
 * The stores of one storage account. Nothing is loaded or sent before the first use, so that a process
 * that never touches storage starts fast.
 */
export function connectStorage(settings: Config['storage']): { readonly tables: TableStore } {
  return { tables: azureTableStore(connectTableService(settings)) };
}
