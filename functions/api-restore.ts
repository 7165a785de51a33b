import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/backups.ts');

/** Tables from a backup. */
export const apiRestoreRoute: RegistryRoute = {
  name: 'api-restore',
  scope: 'registry',
  templates: ['api/v1/restore'],
  pattern: /^\/api\/v1\/restore$/,
  methods: {
    POST: {
      access: 'manage_delete',
      change: 'restore.run',
      handle: async (call) => (await load()).runRestore(call),
    },
  },
};
