import type { Config } from '../config.ts';
import { blobPathOf } from '../domain/physical-name.ts';
import type { StagingStore } from '../ports/staging-store.ts';
import type { BlobService } from './blob-service.ts';
import { accountNameOf } from './credentials.ts';
import { clockSkewMs, delegationKeys } from './delegation-keys.ts';
import { lazy } from './lazy.ts';
import { sasVersion } from './read-url.ts';
import type { RetryLimits } from './retry.ts';

/** The first whose user delegation SAS can sign parameters of the request (`srq`). */
const signedQueryVersion = '2026-04-06';

/**
 * Signs URLs that write one block. With a user delegation key the signature covers the operation
 * and the block id, so that the URL is good for nothing else; a signature by account key, which is
 * Azurite's, can't, and lets its holder do to this one staging blob what `sp=w` allows. No request
 * is sent but one for a delegation key every few hours.
 */
export function blockUrlSigner(
  settings: Config['storage'],
  service: BlobService,
  limits: RetryLimits,
): StagingStore['signedBlockUrl'] {
  const { credential } = settings;
  const accountName = accountNameOf(settings);
  const delegationKey = delegationKeys(service, limits);
  const load = lazy(async () => {
    const sdk = await import('@azure/storage-blob');
    return {
      sdk,
      permissions: sdk.BlobSASPermissions.parse('w'),
      accountKey:
        credential.kind === 'key'
          ? new sdk.StorageSharedKeyCredential(accountName, credential.accountKey)
          : undefined,
    };
  });

  return async (name, blockId, { sasTtlSeconds, publicBase = service.endpoint }) => {
    const { sdk, permissions, accountKey } = await load();
    const now = Date.now();
    const until = now + sasTtlSeconds * 1000;
    const path = blobPathOf(name);
    const operation = { comp: 'block', blockid: Buffer.from(blockId, 'latin1').toString('base64') };
    const values = {
      containerName: 'staging',
      blobName: path,
      permissions,
      startsOn: new Date(now - clockSkewMs),
      expiresOn: new Date(until),
      // As with read URLs: where anybody speaks plain HTTP, `spr=https` would refuse every write.
      ...([publicBase, service.endpoint].every((url) => url.startsWith('https:')) && {
        protocol: sdk.SASProtocol.Https,
      }),
    };
    const sas =
      accountKey === undefined
        ? sdk.generateBlobSASQueryParameters(
            { ...values, version: signedQueryVersion, requestQueryParameters: operation },
            await delegationKey(until),
            accountName,
          )
        : sdk.generateBlobSASQueryParameters({ ...values, version: sasVersion }, accountKey);
    const query = new URLSearchParams(operation).toString();
    return `${publicBase}/staging/${path}?${query}&${sas.toString()}`;
  };
}
