import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** The policy document as a whole. */
export const apiPolicyRoute: RegistryRoute = {
  name: 'api-policy',
  scope: 'registry',
  templates: ['api/v1/policy'],
  pattern: /^\/api\/v1\/policy$/,
  methods: {
    GET: { access: 'manage_read', handle: show },
    PUT: { access: 'manage_write', change: 'policy.change', handle: replace },
  },
};

async function show({ app }: Call): Promise<RegistryResponse> {
  const { document, etag } = await app.authority.policy.read();
  return jsonAnswer(document, { ETag: etag });
}

async function replace({ app, request }: Call): Promise<RegistryResponse> {
  const { replacePolicy } = await import('../shared/http/management/replace-policy.ts');
  const { document, etag } = await replacePolicy(app, request);
  return jsonAnswer(document, { ETag: etag });
}
