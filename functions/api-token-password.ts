import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/repository-tokens.ts');

/** One of the two passwords of a repository token. */
export const apiTokenPasswordRoute: RegistryRoute = {
  name: 'api-token-password',
  scope: 'registry',
  templates: ['api/v1/tokens/{name}/passwords/{slot}'],
  pattern: /^\/api\/v1\/tokens\/(?<name>[^/]+)\/passwords\/(?<slot>password[12])$/,
  methods: {
    POST: {
      access: 'manage_write',
      change: 'token.change',
      handle: async (call) => (await load()).generatePassword(call),
    },
    DELETE: {
      access: 'manage_delete',
      change: 'token.change',
      handle: async (call) => (await load()).deletePassword(call),
    },
  },
};
