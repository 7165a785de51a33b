import { randomBytes } from 'node:crypto';
import { startAzurite, type AzuriteOptions, type RunningAzurite } from '../../local/azurite.ts';

export type { RunningAzurite as TestAzurite };

/**
 * Starts a throw-away Azurite: in memory unless given a folder, with an account and key of its own.
 * Whoever starts one stops it (`afterAll(() => azurite.stop())`).
 */
export async function startTestAzurite(
  options: Partial<AzuriteOptions> = {},
): Promise<RunningAzurite> {
  return startAzurite({
    dataFolder: undefined,
    accountName: 'testaccount',
    accountKey: randomBytes(64).toString('base64'),
    ...options,
  });
}
