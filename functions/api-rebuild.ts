import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/backups.ts');

/** Rows of blobs from the bytes alone. */
export const apiRebuildRoute: RegistryRoute = {
  name: 'api-rebuild',
  scope: 'registry',
  templates: ['api/v1/rebuild-index'],
  pattern: /^\/api\/v1\/rebuild-index$/,
  methods: {
    POST: {
      access: 'manage_delete',
      change: 'index.rebuild',
      handle: async (call) => (await load()).runRebuild(call),
    },
  },
};
