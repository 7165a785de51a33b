import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/backups.ts');

/** Backups of the tables: which there are, and one now. */
export const apiBackupsRoute: RegistryRoute = {
  name: 'api-backups',
  scope: 'registry',
  templates: ['api/v1/backups'],
  pattern: /^\/api\/v1\/backups$/,
  methods: {
    GET: { access: 'manage_read', handle: async (call) => (await load()).showBackups(call) },
    POST: {
      access: 'manage_write',
      change: 'backup.run',
      handle: async (call) => (await load()).runBackup(call),
    },
  },
};
