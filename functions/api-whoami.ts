import type { Caller } from '../shared/auth/caller.ts';
import { jsonAnswer } from '../shared/http/json-response.ts';
import type { WhoAmI } from '../shared/http/management/contract.ts';
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
  const answer: WhoAmI = {
    subject: caller.subject,
    ...kindAndName(caller),
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

/** Of an access token only the subject is known, which tells the kind. */
function kindAndName({ subject, identity }: Caller): Pick<WhoAmI, 'kind' | 'displayName'> {
  if (identity === undefined) return { kind: kindOf(subject) };
  const named = 'name' in identity && identity.name !== undefined;
  return { kind: identity.kind, ...(named && { displayName: identity.name }) };
}

function kindOf(subject: string): string {
  if (subject === 'admin' || subject === 'anonymous') return subject;
  const [prefix, ...rest] = subject.split(':');
  if (rest.length === 0) return 'entra';
  return prefix === 'token' ? 'repository-token' : (prefix ?? '');
}
