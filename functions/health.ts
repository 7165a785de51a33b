import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';
import { catalogPartition } from '../shared/registry/rows/row-keys.ts';

/** 200 when the registry can reach its storage; 503 otherwise, from the error boundary. */
export const healthRoute: RegistryRoute = {
  name: 'health',
  scope: 'registry',
  templates: ['healthz'],
  pattern: /^\/healthz$/,
  methods: { GET: { access: 'open', handle: check }, HEAD: { access: 'open', handle: check } },
};

async function check({ app }: Call): Promise<RegistryResponse> {
  await app.registry.tables.get('catalog', catalogPartition, 'healthz');
  return { status: 200, headers: { 'Content-Type': 'text/plain' }, body: 'ok\n' };
}
