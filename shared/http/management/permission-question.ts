import { parseRepositoryName, type RepositoryName } from '../../domain/repository-name.ts';
import type { RegistryRight, RoleRight } from '../../domain/role-rights.ts';
import { actions } from '../../domain/scope.ts';
import { singleParameter } from '../form.ts';
import { wrongDocument } from '../json-request.ts';

const registryRights = [
  'catalog',
  'manage_read',
  'manage_write',
  'manage_delete',
] as const satisfies readonly RegistryRight[];

/** What may be asked about: actions in repositories, and rights on the registry as a whole. */
export const askableRights = [...actions, ...registryRights] as const;

export interface PermissionQuestion {
  readonly principal: string;
  readonly action: RoleRight;
  /** Undefined: in all repositories. */
  readonly repository: RepositoryName | undefined;
}

/** Reads `principal`, `action` and `repository` of a query. Throws UNSUPPORTED 400. */
export function parsePermissionQuestion(query: URLSearchParams): PermissionQuestion {
  const [principal, asked, name] = ['principal', 'action', 'repository'].map((parameter) =>
    singleParameter(query, parameter),
  );
  const action = askableRights.find((each) => each === asked);
  const repository = name === undefined ? undefined : parseRepositoryName(name);
  const problems = [
    ...(principal ? [] : [{ at: '/principal', problem: 'is missing' }]),
    ...(action === undefined
      ? [{ at: '/action', problem: `must be one of ${askableRights.join(', ')}` }]
      : []),
    ...(name !== undefined && repository === undefined
      ? [{ at: '/repository', problem: 'is not the name of a repository' }]
      : []),
  ];
  if (!principal || action === undefined || problems.length > 0) throw wrongDocument(problems);
  return { principal, action, repository };
}

/** No principal is called so. */
export function unknownPrincipal() {
  return wrongDocument([
    {
      at: '/principal',
      problem:
        'must be the object id of a principal of Entra, token:NAME, federation:RULE, admin or anonymous',
    },
  ]);
}
