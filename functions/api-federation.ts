import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** The federation rules of the policy. */
export const apiFederationRoute: RegistryRoute = {
  name: 'api-federation',
  scope: 'registry',
  templates: ['api/v1/federation'],
  pattern: /^\/api\/v1\/federation$/,
  methods: { GET: { access: 'manage_read', handle: list } },
};

async function list({ app }: Call): Promise<RegistryResponse> {
  const { document } = await app.authority.policy.read();
  return jsonAnswer({ federation: document.federation });
}
