import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/usage.ts');

/** What repositories hold: as it was last counted, and counted now. */
export const apiUsageRoute: RegistryRoute = {
  name: 'api-usage',
  scope: 'registry',
  templates: ['api/v1/usage'],
  pattern: /^\/api\/v1\/usage$/,
  methods: {
    GET: { access: 'manage_read', handle: async (call) => (await load()).showUsage(call) },
    POST: { access: 'manage_write', handle: async (call) => (await load()).runCount(call) },
  },
};
