import type { UserDelegationKey } from '@azure/storage-blob';
import { attempt } from './blob-attempt.ts';
import type { BlobService } from './blob-service.ts';
import { retrying, type RetryLimits } from './retry.ts';

/** By how much the clocks of clients, storage and this process may disagree. */
export const clockSkewMs = 5 * 60_000;
/** Azure allows 7 days; a short-lived key is soon worthless after its identity lost its role. */
const keyLifeMs = 6 * 3_600_000;

/**
 * Keeps a delegation key that is valid at least until the time asked for. It is renewed once half
 * its life is over, beside the requests that still use it; requests that need a new one wait for
 * the same answer.
 */
export function delegationKeys(
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
