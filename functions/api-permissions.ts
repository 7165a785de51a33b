import { jsonAnswer } from '../shared/http/json-response.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** Says whether a principal may do something in a repository, and why. */
export const apiPermissionsRoute: RegistryRoute = {
  name: 'api-permissions',
  scope: 'registry',
  templates: ['api/v1/permissions'],
  pattern: /^\/api\/v1\/permissions$/,
  methods: { GET: { access: 'manage_read', handle: explain } },
};

async function explain({ app, request }: Call): Promise<RegistryResponse> {
  const [{ explainPermissions }, { parsePermissionQuestion, unknownPrincipal }] = await Promise.all(
    [
      import('../shared/auth/permission-explanation.ts'),
      import('../shared/http/management/permission-question.ts'),
    ],
  );
  const question = parsePermissionQuestion(request.query);
  const { principal, action, repository } = question;
  const explanation = await explainPermissions(app.authority, principal, action, repository);
  if (explanation === undefined) throw unknownPrincipal();
  return jsonAnswer({ ...question, ...explanation });
}
