import type { RegistryRoute } from '../shared/http/route.ts';

const load = () => import('../shared/http/management/retention.ts');

/** What retention would delete now. */
export const apiRetentionPreviewRoute: RegistryRoute = {
  name: 'api-retention-preview',
  scope: 'registry',
  templates: ['api/v1/retention/preview'],
  pattern: /^\/api\/v1\/retention\/preview$/,
  methods: {
    GET: { access: 'manage_read', handle: async (call) => (await load()).previewRetention(call) },
  },
};
