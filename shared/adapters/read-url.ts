import type { UserDelegationKey } from '@azure/storage-blob';
import type { Config } from '../config.ts';
import { blobPathOf } from '../domain/physical-name.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import { attempt } from './blob-attempt.ts';
import type { BlobService } from './blob-service.ts';
import { accountNameOf } from './credentials.ts';
import { lazy } from './lazy.ts';
import { retrying, type RetryLimits } from './retry.ts';

/** Says how the signature is computed. The newest that both Azure and Azurite know. */
const sasVersion = '2024-11-04';
const clockSkewMs = 5 * 60_000;
/** Azure allows 7 days; a short-lived key is soon worthless after its identity lost its role. */
const keyLifeMs = 6 * 3_600_000;

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

/**
 * Keeps a delegation key that is valid at least until the time asked for. It is renewed once half
 * its life is over, beside the requests that still use it; requests that need a new one wait for
 * the same answer.
 */
function delegationKeys(
  service: BlobService,
  limits: RetryLimits,
): (untilMs: number) => Promise<UserDelegationKey> {
  let key: UserDelegationKey | undefined;
  let renewal: Promise<UserDelegationKey> | undefined;

  async function fetchKey(untilMs: number): Promise<UserDelegationKey> {
    const client = await service.client();
    const now = Date.now();
    const end = Math.max(now + keyLifeMs, untilMs);
    key = await retrying(limits, ({ timeoutMs }) =>
      attempt('give a user delegation key', timeoutMs, (abortSignal) =>
        client.getUserDelegationKey(new Date(now - clockSkewMs), new Date(end), {
          abortSignal,
        }),
      ),
    );
    return key;
  }

  function renew(untilMs: number): Promise<UserDelegationKey> {
    renewal ??= fetchKey(untilMs).finally(() => {
      renewal = undefined;
    });
    return renewal;
  }

  return async (untilMs) => {
    const endMs = key?.signedExpiresOn.getTime() ?? 0;
    if (key === undefined || endMs < untilMs) return renew(untilMs);
    // A failure leaves the present key, which is still good; the next request tries again.
    if (endMs - Date.now() < keyLifeMs / 2) renew(untilMs).catch(() => undefined);
    return key;
  };
}
