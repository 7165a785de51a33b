import type { Config } from '../config.ts';
import { blobPathOf } from '../domain/physical-name.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { BlobService } from './blob-service.ts';
import { accountNameOf } from './credentials.ts';
import { clockSkewMs, delegationKeys } from './delegation-keys.ts';
import { lazy } from './lazy.ts';
import type { RetryLimits } from './retry.ts';

/** Says how the signature is computed. The newest that both Azure and Azurite know. */
export const sasVersion = '2024-11-04';

/**
 * Signs read URLs: with the account key, or with a user delegation key, which an identity may ask
 * for. No request is sent but one for a delegation key every few hours.
 */
export function readUrlSigner(
  settings: Config['storage'],
  service: BlobService,
  limits: RetryLimits,
): BlobStore['signedReadUrl'] {
  const { credential } = settings;
  const accountName = accountNameOf(settings);
  const delegationKey = delegationKeys(service, limits);
  const load = lazy(async () => {
    const sdk = await import('@azure/storage-blob');
    return {
      sdk,
      permissions: sdk.BlobSASPermissions.parse('r'),
      accountKey:
        credential.kind === 'key'
          ? new sdk.StorageSharedKeyCredential(accountName, credential.accountKey)
          : undefined,
    };
  });

  return async (container, name, { sasTtlSeconds, publicBase = service.endpoint }) => {
    const { sdk, permissions, accountKey } = await load();
    const now = Date.now();
    const until = now + sasTtlSeconds * 1000;
    const path = blobPathOf(name);
    const values = {
      version: sasVersion,
      containerName: container,
      blobName: path,
      permissions,
      startsOn: new Date(now - clockSkewMs),
      expiresOn: new Date(until),
      contentType: 'application/octet-stream',
      // Where clients or storage speak plain HTTP, which only a local Azurite does, `spr=https`
      // would refuse every read: storage judges by the connection that reaches it, which TLS may
      // end before.
      ...([publicBase, service.endpoint].every((url) => url.startsWith('https:')) && {
        protocol: sdk.SASProtocol.Https,
      }),
    };
    const sas =
      accountKey === undefined
        ? sdk.generateBlobSASQueryParameters(values, await delegationKey(until), accountName)
        : sdk.generateBlobSASQueryParameters(values, accountKey);
    return `${publicBase}/${container}/${path}?${sas.toString()}`;
  };
}
