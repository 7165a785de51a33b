import { setTimeout as sleep } from 'node:timers/promises';
import { newPhysicalName } from '../shared/domain/physical-name.ts';
import { RegistryError } from '../shared/errors.ts';
import type { App } from '../shared/http/app.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';
import { missingAccess, type StorageComponent } from '../shared/http/storage-access.ts';
import { catalogPartition } from '../shared/registry/rows/row-keys.ts';

/** Shorter than what storage is given otherwise: who probes wants to know, not to wait. */
const probeMs = 3_000;

/**
 * 200 when both halves of storage answer the registry within 3 s; else 503, from the error
 * boundary, with what is wrong in a word: this is told to anyone. The log has it in a sentence,
 * once.
 */
export const healthRoute: RegistryRoute = {
  name: 'health',
  scope: 'registry',
  templates: ['healthz'],
  pattern: /^\/healthz$/,
  methods: { GET: { access: 'open', handle: check }, HEAD: { access: 'open', handle: check } },
};

const probes: Readonly<Record<StorageComponent, (app: App) => Promise<unknown>>> = {
  tables: ({ registry }) => registry.tables.get('catalog', catalogPartition, 'healthz'),
  blobs: ({ registry }) =>
    registry.blobs.properties('content', newPhysicalName(registry.clock.now())),
};

async function check({ app }: Call): Promise<RegistryResponse> {
  const failures = (await Promise.all([failureOf(app, 'tables'), failureOf(app, 'blobs')])).filter(
    (failure) => failure !== undefined,
  );
  const said = failures.map(({ component, state }) => `${component}: ${state}`).join(', ');
  const isNews = said !== lastSaid;
  lastSaid = said;
  if (said === '') return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: 'ok\n' };
  throw new RegistryError('UNAVAILABLE', {
    message: said,
    headers: { 'Retry-After': '1' },
    cause: isNews ? failures[0]?.cause : undefined,
  });
}

/** What the last probe of this instance found. Who probes every ten seconds needs it once. */
let lastSaid = '';

interface Failure {
  readonly component: StorageComponent;
  readonly state: 'denied' | 'unavailable';
  readonly cause: Error;
}

async function failureOf(app: App, component: StorageComponent): Promise<Failure | undefined> {
  const ended = new AbortController();
  try {
    await Promise.race([
      probes[component](app),
      sleep(probeMs, undefined, { signal: ended.signal }).then(giveUp),
    ]);
    return undefined;
  } catch (error) {
    const missing = missingAccess(component, app.config.storage, error);
    return {
      component,
      state: missing === undefined ? 'unavailable' : 'denied',
      cause: new Error(missing ?? `${component} cannot be reached`, { cause: error }),
    };
  } finally {
    ended.abort();
  }
}

function giveUp(): never {
  throw new Error(`storage has not answered within ${probeMs / 1000} s`);
}
