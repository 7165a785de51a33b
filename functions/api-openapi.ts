import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { RegistryRoute } from '../shared/http/route.ts';

/** The description of this API in OpenAPI 3.1, for anyone: it says nothing of this registry. */
export const apiOpenApiRoute: RegistryRoute = {
  name: 'api-openapi',
  scope: 'registry',
  templates: ['api/v1/openapi.json'],
  pattern: /^\/api\/v1\/openapi\.json$/,
  methods: { GET: { access: 'open', handle: describe } },
};

async function describe(): Promise<RegistryResponse> {
  const { default: document } = await import('../docs/openapi.json', { with: { type: 'json' } });
  return jsonAnswer(document, { 'Access-Control-Allow-Origin': '*' });
}
