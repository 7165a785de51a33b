import { setTimeout as sleep } from 'node:timers/promises';
import { RegistryError } from '../shared/errors.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';
import { catalogPartition } from '../shared/registry/rows/row-keys.ts';

/** Shorter than what storage is given otherwise: who probes wants to know, not to wait. */
const probeMs = 3_000;

/** 200 when storage answers the registry within 3 s; 503 otherwise, from the error boundary. */
export const healthRoute: RegistryRoute = {
  name: 'health',
  scope: 'registry',
  templates: ['healthz'],
  pattern: /^\/healthz$/,
  methods: { GET: { access: 'open', handle: check }, HEAD: { access: 'open', handle: check } },
};

async function check({ app }: Call): Promise<RegistryResponse> {
  const ended = new AbortController();
  try {
    await Promise.race([
      app.registry.tables.get('catalog', catalogPartition, 'healthz'),
      sleep(probeMs, undefined, { signal: ended.signal }).then(refuse),
    ]);
  } finally {
    ended.abort();
  }
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: 'ok\n' };
}

function refuse(): never {
  const cause = new Error(`storage has not answered within ${probeMs / 1000} s`);
  throw new RegistryError('UNAVAILABLE', { headers: { 'Retry-After': '1' }, cause });
}
