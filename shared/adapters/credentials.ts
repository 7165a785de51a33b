import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { lazy } from './lazy.ts';

/**
 * The app's managed identity. Its SDK is loaded when the first token is asked for, because a cold
 * start would pay for it otherwise; it caches tokens and renews them in time.
 */
export function managedIdentity(clientId: string | undefined): TokenCredential {
  const load = lazy(async () => {
    const { ManagedIdentityCredential } = await import('@azure/identity');
    return clientId === undefined
      ? new ManagedIdentityCredential()
      : new ManagedIdentityCredential({ clientId });
  });
  return { getToken: async (scopes, options) => (await load()).getToken(scopes, options) };
}

/**
 * The account's name: `https://account.blob.core.windows.net`, or `http://127.0.0.1:10000/account`
 * of Azurite.
 */
export function accountNameOf({ blobUrl, credential }: Config['storage']): string {
  if (credential.kind === 'key') return credential.accountName;
  const { hostname, pathname } = new URL(blobUrl);
  return pathname.split('/')[1] || (hostname.split('.')[0] ?? hostname);
}
