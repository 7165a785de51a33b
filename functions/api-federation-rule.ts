import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/policy-items.ts');

/** One federation rule of the policy, changed without touching the others. */
export const apiFederationRuleRoute: RegistryRoute = {
  name: 'api-federation-rule',
  scope: 'registry',
  templates: ['api/v1/federation/{name}'],
  pattern: /^\/api\/v1\/federation\/(?<name>[^/]+)$/,
  methods: {
    GET: {
      access: 'manage_read',
      handle: async (call) => {
        const items = await load();
        return items.getItem(call, items.federationSection);
      },
    },
    PUT: {
      access: 'manage_write',
      change: 'policy.change',
      handle: async (call) => {
        const items = await load();
        return items.putItem(call, items.federationSection);
      },
    },
    DELETE: {
      access: 'manage_delete',
      change: 'policy.change',
      handle: async (call) => {
        const items = await load();
        return items.deleteItem(call, items.federationSection);
      },
    },
  },
};
