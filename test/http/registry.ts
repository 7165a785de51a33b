import { afterAll, beforeAll } from 'vitest';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { Client } from './client.ts';

export interface TestRegistry {
  readonly lighter: TestLighter;
  readonly azurite: TestAzurite;
  /** Signed in as `admin`. */
  readonly client: Client;
  readonly anonymous: Client;
}

/**
 * One strict registry on an Azurite of its own for all tests of a file. Read it inside tests only.
 */
export function registryOfFile(
  settings: Readonly<Record<string, string>> = {},
): () => TestRegistry {
  let registry: TestRegistry | undefined;
  beforeAll(async () => {
    const azurite = await startTestAzurite();
    const lighter = await startTestLighter({ azurite, settings });
    registry = {
      lighter,
      azurite,
      client: new Client(lighter.url),
      anonymous: new Client(lighter.url, ''),
    };
  });
  afterAll(async () => {
    await registry?.lighter.stop();
    await registry?.azurite.stop();
  });
  return () => {
    if (registry === undefined) throw new Error('the registry has not started');
    return registry;
  };
}
