import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/policy-items.ts');

/** One scope map of the policy, changed without touching the others. */
export const apiScopeMapRoute: RegistryRoute = {
  name: 'api-scope-map',
  scope: 'registry',
  templates: ['api/v1/scope-maps/{name}'],
  pattern: /^\/api\/v1\/scope-maps\/(?<name>[^/]+)$/,
  methods: {
    GET: {
      access: 'manage_read',
      handle: async (call) => {
        const items = await load();
        return items.getItem(call, items.scopeMapSection);
      },
    },
    PUT: {
      access: 'manage_write',
      change: 'policy.change',
      handle: async (call) => {
        const items = await load();
        return items.putItem(call, items.scopeMapSection);
      },
    },
    DELETE: {
      access: 'manage_delete',
      change: 'policy.change',
      handle: async (call) => {
        const items = await load();
        return items.deleteItem(call, items.scopeMapSection);
      },
    },
  },
};
