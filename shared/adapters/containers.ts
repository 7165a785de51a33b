import { containerNames, type ContainerName } from '../ports/blob-store.ts';
import { attempt } from './blob-attempt.ts';
import type { BlobService } from './blob-service.ts';
import { retrying, storageRetryLimits, type RetryLimits } from './retry.ts';

/** Creates the containers that are missing. Needed once in the accounts' life. */
export async function ensureContainers(
  service: BlobService,
  staging: BlobService,
  limits = storageRetryLimits,
): Promise<void> {
  await Promise.all(
    containerNames.map((name) =>
      ensureContainer(name === 'staging' ? staging : service, name, limits),
    ),
  );
}

/** Creates a container unless it is there. */
export async function ensureContainer(
  service: BlobService,
  name: ContainerName,
  limits: RetryLimits,
): Promise<void> {
  const container = (await service.client()).getContainerClient(name);
  await retrying(limits, ({ timeoutMs }) =>
    attempt('create a container', timeoutMs, (abortSignal) =>
      container.createIfNotExists({ abortSignal }),
    ),
  );
}
