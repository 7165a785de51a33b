import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** The scope maps of the policy. */
export const apiScopeMapsRoute: RegistryRoute = {
  name: 'api-scope-maps',
  scope: 'registry',
  templates: ['api/v1/scope-maps'],
  pattern: /^\/api\/v1\/scope-maps$/,
  methods: { GET: { access: 'manage_read', handle: list } },
};

async function list({ app }: Call): Promise<RegistryResponse> {
  const { document } = await app.authority.policy.read();
  return jsonAnswer({ scopeMaps: document.scopeMaps });
}
