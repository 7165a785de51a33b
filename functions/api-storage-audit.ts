import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/work-report.ts');

/** The audit of storage: what the last one found, and the next one, or the rest of it, now. */
export const apiStorageAuditRoute: RegistryRoute = {
  name: 'api-storage-audit',
  scope: 'registry',
  templates: ['api/v1/storage-audit'],
  pattern: /^\/api\/v1\/storage-audit$/,
  methods: {
    GET: { access: 'manage_read', handle: async (call) => (await load()).lastAudit(call) },
    POST: {
      access: 'manage_delete',
      change: 'storage-audit.run',
      handle: async (call) => (await load()).runAudit(call),
    },
  },
};
