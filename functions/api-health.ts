import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** Whether all that the registry stands on is well, as it looks from inside. */
export const apiHealthRoute: RegistryRoute = {
  name: 'api-health',
  scope: 'registry',
  templates: ['api/v1/health'],
  pattern: /^\/api\/v1\/health$/,
  methods: { GET: { access: 'manage_read', handle: report } },
};

async function report({ app }: Call): Promise<RegistryResponse> {
  const { healthReport } = await import('../shared/http/management/health-report.ts');
  return jsonAnswer(await healthReport(app));
}
