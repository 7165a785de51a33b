import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/repository-tokens.ts');

/** One repository token: what it may do, and whether it may sign in. */
export const apiTokenRoute: RegistryRoute = {
  name: 'api-token',
  scope: 'registry',
  templates: ['api/v1/tokens/{name}'],
  pattern: /^\/api\/v1\/tokens\/(?<name>[^/]+)$/,
  methods: {
    GET: { access: 'manage_read', handle: async (call) => (await load()).getToken(call) },
    PUT: {
      access: 'manage_write',
      change: 'token.change',
      handle: async (call) => (await load()).putToken(call),
    },
    DELETE: {
      access: 'manage_delete',
      change: 'token.change',
      handle: async (call) => (await load()).deleteToken(call),
    },
  },
};
