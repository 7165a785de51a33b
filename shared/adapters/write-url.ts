import type { Config } from '../config.ts';
import { stagingPathOf } from '../domain/staging-name.ts';
import type { StagingStore } from '../ports/staging-store.ts';
import type { BlobService } from './blob-service.ts';
import { delegationKeys } from './delegation-keys.ts';
import { sasVersion } from './read-url.ts';
import type { RetryLimits } from './retry.ts';
import { signedTerms, signingParts } from './url-signing.ts';

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
  const delegationKey = delegationKeys(service, limits);
  const load = signingParts(settings, 'w');

  return async (name, blockId, { sasTtlSeconds, publicBase = service.endpoint }) => {
    const { sdk, accountName, permissions, accountKey } = await load();
    const terms = signedTerms(service, sdk.SASProtocol.Https, { sasTtlSeconds, publicBase });
    const path = stagingPathOf(name);
    const operation = { comp: 'block', blockid: Buffer.from(blockId, 'latin1').toString('base64') };
    const values = {
      ...terms.values,
      containerName: 'staging',
      blobName: path,
      permissions,
    };
    const sas =
      accountKey === undefined
        ? sdk.generateBlobSASQueryParameters(
            { ...values, version: signedQueryVersion, requestQueryParameters: operation },
            await delegationKey(terms.untilMs),
            accountName,
          )
        : sdk.generateBlobSASQueryParameters({ ...values, version: sasVersion }, accountKey);
    const query = new URLSearchParams(operation).toString();
    return `${publicBase}/staging/${path}?${query}&${sas.toString()}`;
  };
}
