import { afterAll, afterEach, beforeAll } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { keySettings } from '../contract/key-settings.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import type { Stores } from './interpose.ts';
import { invariantChecker } from './invariants.ts';
import { readStorage, type StorageSnapshot } from './storage-snapshot.ts';

/** Storage that is there while a test or a hook runs. */
export interface TestStorage {
  /** As an instance of the registry has it. */
  readonly stores: Stores;
  readonly azurite: () => TestAzurite;
  /** See {@link invariantChecker}. */
  readonly brokenInvariants: () => Promise<string[]>;
  readonly readStorage: () => Promise<StorageSnapshot>;
}

/** Storage for all tests of the file or the `describe` that calls this, and for no others. */
export function testStorage(): TestStorage {
  let started: { azurite: TestAzurite; stores: Stores; check: () => Promise<string[]> } | undefined;
  beforeAll(async () => {
    const azurite = await startTestAzurite();
    started = { azurite, stores: await storesOf(azurite), check: invariantChecker(azurite) };
  });
  afterAll(() => started?.azurite.stop());

  const running = () => there(started);
  return {
    stores: storesWhenThere(() => running().stores),
    azurite: () => running().azurite,
    brokenInvariants: () => running().check(),
    readStorage: () => readStorage(running().azurite),
  };
}

export interface ProxiedTestStorage extends TestStorage {
  /** The same stores, through the proxy. */
  readonly proxied: Stores;
  readonly proxy: () => FaultProxy;
}

/** The same with a proxy before it, which does no harm at the start of a test. */
export function proxiedTestStorage(): ProxiedTestStorage {
  const storage = testStorage();
  let started: { proxy: FaultProxy; proxied: Stores } | undefined;
  beforeAll(async () => {
    const azurite = storage.azurite();
    const proxy = await startFaultProxy(azurite);
    started = { proxy, proxied: connectStorage(keySettings({ ...azurite, ...proxy })) };
  });
  afterEach(() => started?.proxy.clear());
  afterAll(() => started?.proxy.stop());
  return {
    ...storage,
    proxied: storesWhenThere(() => there(started).proxied),
    proxy: () => there(started).proxy,
  };
}

function there<T>(started: T | undefined): T {
  if (started === undefined) throw new Error('storage is there in tests and hooks only');
  return started;
}

/** Stores that a file may name before they are there. */
function storesWhenThere(stores: () => Stores): Stores {
  return {
    get tables() {
      return stores().tables;
    },
    get blobs() {
      return stores().blobs;
    },
    get staging() {
      return stores().staging;
    },
    get backups() {
      return stores().backups;
    },
  };
}

/** The stores in an Azurite whose tables and containers may not exist yet. */
export async function storesOf(azurite: TestAzurite): Promise<Stores> {
  const storage = connectStorage(keySettings(azurite));
  await storage.prepare();
  return storage;
}
