import type { TokenCredential } from '@azure/identity';
import type { Config } from '../config.ts';
import { lazy } from './lazy.ts';

type StorageSettings = Config['storage'];
export type KeyCredential = Extract<StorageSettings['credential'], { kind: 'key' }>;

/**
 * The app's managed identity. Its SDK is loaded when the first token is asked for, because a cold start
 * would pay for it otherwise; it caches tokens and renews them in time.
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
