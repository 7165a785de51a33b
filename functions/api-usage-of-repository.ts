import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/usage.ts');

/** What one repository holds, by its name, percent-encoded or not. */
export const apiUsageOfRepositoryRoute: RegistryRoute = {
  name: 'api-usage-of-repository',
  scope: 'registry',
  templates: ['api/v1/usage/{name}'],
  pattern: /^\/api\/v1\/usage\/(?<name>.+)$/,
  methods: {
    GET: { access: 'manage_read', handle: async (call) => (await load()).showUsageOf(call) },
  },
};
