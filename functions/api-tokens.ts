import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** The repository tokens. */
export const apiTokensRoute: RegistryRoute = {
  name: 'api-tokens',
  scope: 'registry',
  templates: ['api/v1/tokens'],
  pattern: /^\/api\/v1\/tokens$/,
  methods: { GET: { access: 'manage_read', handle: list } },
};

async function list({ app }: Call): Promise<RegistryResponse> {
  const { tokenJson } = await import('../shared/http/management/repository-tokens.ts');
  return jsonAnswer({ tokens: (await app.authority.repositoryTokens.list()).map(tokenJson) });
}
