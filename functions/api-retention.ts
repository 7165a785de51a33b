import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/retention.ts');

/** Retention now. */
export const apiRetentionRoute: RegistryRoute = {
  name: 'api-retention',
  scope: 'registry',
  templates: ['api/v1/retention'],
  pattern: /^\/api\/v1\/retention$/,
  methods: {
    POST: {
      access: 'manage_delete',
      change: 'retention.run',
      handle: async (call) => (await load()).runRetention(call),
    },
  },
};
