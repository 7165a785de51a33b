import type { Config } from '../../shared/config.ts';

/**
 * How a store reaches an Azurite with its account key, at the Azurite's addresses or given ones.
 */
export function keySettings(azurite: {
  readonly blobUrl: string;
  readonly tableUrl: string;
  readonly accountName: string;
  readonly accountKey: string;
}): Config['storage'] {
  const { blobUrl, tableUrl, accountName, accountKey } = azurite;
  return { blobUrl, tableUrl, credential: { kind: 'key', accountName, accountKey } };
}
