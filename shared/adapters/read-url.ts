import type { Config } from '../config.ts';
import { blobPathOf } from '../domain/physical-name.ts';
import type { BlobStore } from '../ports/blob-store.ts';
import type { BlobService } from './blob-service.ts';
import { delegationKeys } from './delegation-keys.ts';
import type { RetryLimits } from './retry.ts';
import { signedTerms, signingParts } from './url-signing.ts';

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
  const delegationKey = delegationKeys(service, limits);
  const load = signingParts(settings, 'r');

  return async (container, name, { sasTtlSeconds, publicBase = service.endpoint }) => {
    const { sdk, accountName, permissions, accountKey } = await load();
    const terms = signedTerms(service, sdk.SASProtocol.Https, { sasTtlSeconds, publicBase });
    const path = blobPathOf(name);
    const values = {
      ...terms.values,
      version: sasVersion,
      containerName: container,
      blobName: path,
      permissions,
      contentType: 'application/octet-stream',
    };
    const sas =
      accountKey === undefined
        ? sdk.generateBlobSASQueryParameters(
            values,
            await delegationKey(terms.untilMs),
            accountName,
          )
        : sdk.generateBlobSASQueryParameters(values, accountKey);
    return `${publicBase}/${container}/${path}?${sas.toString()}`;
  };
}
