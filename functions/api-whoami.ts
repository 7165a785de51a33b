import type { Caller } from '../shared/auth/caller.ts';
import { kindOfSubject } from '../shared/auth/identity.ts';
import { jsonAnswer } from '../shared/http/json-response.ts';
import type { WhoAmI } from '../shared/http/management/contract/whoami.ts';
import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/** Says whom the credential stands for and what it permits. */
export const apiWhoamiRoute: RegistryRoute = {
  name: 'api-whoami',
  scope: 'registry',
  templates: ['api/v1/whoami'],
  pattern: /^\/api\/v1\/whoami$/,
  methods: { GET: { access: 'anyone', handle: describe } },
};

function describe({ caller }: Call): Promise<RegistryResponse> {
  const { rules = [], catalog = false, management = [] } = caller.permissions ?? {};
  const displayName = nameOf(caller);
  const answer: WhoAmI = {
    subject: caller.subject,
    kind: caller.identity?.kind ?? kindOfSubject(caller.subject),
    ...(displayName !== undefined && { displayName }),
    permissions: {
      rules: rules.map(({ pattern, actions, admits }) => ({
        repositories: pattern,
        actions: [...actions],
        conditional: admits !== undefined,
      })),
      catalog,
      management: [...management],
    },
  };
  return Promise.resolve(jsonAnswer(answer));
}

function nameOf({ identity }: Caller): string | undefined {
  if (identity?.kind === 'federated') return identity.subject;
  return identity !== undefined && 'name' in identity ? identity.name : undefined;
}
