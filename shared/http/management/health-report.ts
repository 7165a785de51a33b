import { newPhysicalName } from '../../domain/physical-name.ts';
import { newStagingName, stagingOwnerOf } from '../../domain/staging-name.ts';
import { PolicyUnreadable } from '../../policy/policy-store.ts';
import { catalogPartition } from '../../registry/rows/row-keys.ts';
import type { App } from '../app.ts';
import { missingAccess, type StorageComponent } from '../storage-access.ts';
import { version } from '../version.ts';
import type { HealthCheck, HealthReport } from './contract/health.ts';
import { settingsInForce } from './settings-in-force.ts';

/** A check that takes longer has failed. */
const checkMs = 10_000;
/** Signed URLs are good from five minutes ago; tokens have a minute. */
const maxSkewSeconds = 60;
/** Row of table `settings`, written by checks alone. */
const probe = { partition: 'health', rowKey: 'probe' } as const;

/** What a check found, in a sentence; throws when it is not well. */
type Check = (app: App) => Promise<string>;

const checks: Readonly<Record<string, Check>> = {
  'tables-read': storage('tables', async ({ registry }) => {
    await registry.tables.get('catalog', catalogPartition, 'healthz');
    return 'rows can be read';
  }),
  'tables-write': storage('tables', async ({ registry }) => {
    const { partition, rowKey } = probe;
    const properties = { checkedAt: registry.clock.now() };
    await registry.tables.commit('settings', partition, [{ kind: 'upsert', rowKey, properties }]);
    return 'rows can be written';
  }),
  'blobs-read': storage('blobs', async ({ registry }) => {
    await registry.blobs.properties('content', newPhysicalName(registry.clock.now()));
    return 'blobs can be read';
  }),
  'blobs-write': storage('blobs', async ({ registry }) => {
    const name = newPhysicalName(registry.clock.now());
    await registry.blobs.stageBlock('staging', name, btoa('probe'), new Uint8Array(1));
    await registry.blobs.delete('staging', name, 'staged');
    return 'blobs can be written and deleted';
  }),
  'signed-urls': storage('blobs', async ({ registry }) => {
    const name = newPhysicalName(registry.clock.now());
    await registry.blobs.signedReadUrl('content', name, { sasTtlSeconds: 60 });
    return 'URLs for pulls can be signed';
  }),
  staging: async (app) => {
    const { directPush, storage: settings } = app.config;
    if (!directPush) return 'off: LIGHTER_DIRECT_PUSH is 0';
    const { blobUrl, stagingBlobUrl = blobUrl } = settings;
    const check = storage('blobs', checkStaging, { ...settings, blobUrl: stagingBlobUrl });
    return await check(app);
  },
  clock: async ({ diagnostics, registry }) => {
    const before = registry.clock.now().getTime();
    const storageMs = (await diagnostics.storageTime()).getTime();
    const after = registry.clock.now().getTime();
    // Storage's date is cut to the second.
    const skew = Math.round((storageMs + 500 - (before + after) / 2) / 1000);
    const said = `storage's clock is ${Math.abs(skew)} s ${skew < 0 ? 'behind' : 'ahead'}`;
    if (Math.abs(skew) > maxSkewSeconds) throw new Error(said);
    return skew === 0 ? 'as storage’s' : said;
  },
  'signing-keys': async ({ authority }) => {
    const { kid } = await authority.keys.current();
    return `tokens are signed with ${kid}`;
  },
  policy: async ({ authority }) => {
    const { etag } = await authority.policy.read().catch((error: unknown) => {
      const isUnreadable = error instanceof PolicyUnreadable;
      throw isUnreadable ? new Error(`${error.message}: ${String(error.cause)}`) : error;
    });
    return `ETag ${etag}`;
  },
  entra: async ({ config, diagnostics }) => {
    if (config.entra === undefined) return 'off: LIGHTER_TENANT_ID is not set';
    await diagnostics.askEntra();
    return `answers for the tenant ${config.entra.tenantId}`;
  },
  arm: async ({ config: { roleAssignments }, diagnostics }) => {
    if (roleAssignments === undefined) return 'off: LIGHTER_RESOURCE_ID is not set';
    const { resourceId, clientId } = roleAssignments;
    if ((await diagnostics.askArm()) === 'permitted') return 'role assignments can be read';
    const identity = clientId === undefined ? 'of the app' : `with the client id ${clientId}`;
    throw new Error(`the managed identity ${identity} lacks the role Reader on ${resourceId}`);
  },
};

/** Clients write there, in an account of its own or not. */
async function checkStaging({ registry }: App): Promise<string> {
  const owner = stagingOwnerOf('health');
  const name = newStagingName(owner, registry.clock.now());
  await registry.staging.signedBlockUrl(name, 'probe', { sasTtlSeconds: 60 });
  await registry.staging.inspect(name, 'probe');
  await registry.staging.ownedBy(owner, { sizeBytes: 1, uncommitted: 1 });
  return 'URLs for pushes can be signed, and what they write can be read and listed';
}

/** Runs every check at once and tells what each found; none can make it fail. */
export async function healthReport(app: App): Promise<HealthReport> {
  const results = await Promise.all(
    Object.entries(checks).map(([name, check]) => run(app, name, check)),
  );
  return {
    ok: results.every(({ ok }) => ok),
    version,
    time: app.registry.clock.now().toISOString(),
    checks: results,
    settings: settingsInForce(app.config),
  };
}

async function run(app: App, name: string, check: Check): Promise<HealthCheck> {
  const startedAt = performance.now();
  const timer = Promise.withResolvers<never>();
  const timeout = setTimeout(
    () => timer.reject(new Error(`has not answered within ${checkMs / 1000} s`)),
    checkMs,
  );
  const outcome = await Promise.race([check(app), timer.promise]).then(
    (message) => ({ ok: true, message }),
    (error: unknown) => ({
      ok: false,
      message: error instanceof Error ? error.message : String(error),
    }),
  );
  clearTimeout(timeout);
  return { name, ...outcome, milliseconds: Math.round(performance.now() - startedAt) };
}

/** A check of storage, which says what role is missing where storage denies it. */
function storage(
  component: StorageComponent,
  check: Check,
  settings?: App['config']['storage'],
): Check {
  return async (app) => {
    try {
      return await check(app);
    } catch (error) {
      const missing = missingAccess(component, settings ?? app.config.storage, error);
      throw missing === undefined ? error : new Error(missing, { cause: error });
    }
  };
}
