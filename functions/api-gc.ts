import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/work-report.ts');

/** Garbage collection: what the last sweep did, and one now. */
export const apiGcRoute: RegistryRoute = {
  name: 'api-gc',
  scope: 'registry',
  templates: ['api/v1/gc'],
  pattern: /^\/api\/v1\/gc$/,
  methods: {
    GET: { access: 'manage_read', handle: async (call) => (await load()).lastSweep(call) },
    POST: {
      access: 'manage_delete',
      change: 'gc.run',
      handle: async (call) => (await load()).runSweep(call),
    },
  },
};
