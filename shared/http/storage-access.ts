import type { Config } from '../config.ts';
import { StorageUnavailable } from '../ports/table-store.ts';

export type StorageComponent = 'tables' | 'blobs';

const roles: Readonly<Record<StorageComponent, string>> = {
  tables: 'Storage Table Data Contributor',
  blobs: 'Storage Blob Data Contributor',
};

/** What storage says when no role is missing, or another thing may be the reason. */
const otherReasons: Readonly<Record<string, string>> = {
  AuthorizationFailure: ', or the network rules of the account keep the app out',
  AuthenticationFailed: ', or the clock of the app is wrong',
};

/** What is to be done about storage that denied access; undefined when it did not. */
export function missingAccess(
  component: StorageComponent,
  { blobUrl, tableUrl, credential }: Config['storage'],
  error: unknown,
): string | undefined {
  if (!(error instanceof StorageUnavailable) || error.denied === undefined) return undefined;
  const url = component === 'tables' ? tableUrl : blobUrl;
  if (credential.kind === 'key') return `${url} refuses the account key (${error.denied})`;
  const { clientId } = credential;
  const identity = clientId === undefined ? 'of the app' : `with the client id ${clientId}`;
  return (
    `the managed identity ${identity} lacks the role ${roles[component]} on the storage account ` +
    `of ${url}${otherReasons[error.denied] ?? ''} (${error.denied})`
  );
}
