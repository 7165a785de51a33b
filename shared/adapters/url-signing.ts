import type { SASProtocol } from '@azure/storage-blob';
import type { Config } from '../config.ts';
import type { BlobService } from './blob-service.ts';
import { accountNameOf } from './credentials.ts';
import { clockSkewMs } from './delegation-keys.ts';
import { lazy } from './lazy.ts';

/** What signs URLs of an account with one permission; nothing is loaded before it is called. */
export function signingParts(
  { credential, ...settings }: Config['storage'],
  permission: 'r' | 'w',
) {
  const accountName = accountNameOf({ credential, ...settings });
  return lazy(async () => {
    const sdk = await import('@azure/storage-blob');
    return {
      sdk,
      accountName,
      permissions: sdk.BlobSASPermissions.parse(permission),
      accountKey:
        credential.kind === 'key'
          ? new sdk.StorageSharedKeyCredential(accountName, credential.accountKey)
          : undefined,
    };
  });
}

/** From when until when a URL is good, and that it is for HTTPS only where all speak it. */
export function signedTerms(
  { endpoint }: BlobService,
  https: SASProtocol,
  { sasTtlSeconds, publicBase }: { readonly sasTtlSeconds: number; readonly publicBase: string },
) {
  const nowMs = Date.now();
  const untilMs = nowMs + sasTtlSeconds * 1000;
  return {
    untilMs,
    values: {
      startsOn: new Date(nowMs - clockSkewMs),
      expiresOn: new Date(untilMs),
      // Where clients or storage speak plain HTTP, which only a local Azurite does, `spr=https`
      // would refuse every request: storage judges by the connection that reaches it, which TLS may
      // end before.
      ...([publicBase, endpoint].every((url) => url.startsWith('https:')) && { protocol: https }),
    },
  };
}
