import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** Says what is wrong with a policy document, and changes nothing. */
export const apiPolicyValidationRoute: RegistryRoute = {
  name: 'api-policy-validation',
  scope: 'registry',
  templates: ['api/v1/policy/validate'],
  pattern: /^\/api\/v1\/policy\/validate$/,
  methods: { POST: { access: 'manage_read', handle: validate } },
};

async function validate({ request }: Call): Promise<RegistryResponse> {
  const { policyProblems } = await import('../shared/http/management/replace-policy.ts');
  const problems = await policyProblems(request);
  return jsonAnswer({ valid: problems.length === 0, problems });
}
