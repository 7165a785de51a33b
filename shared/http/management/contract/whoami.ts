import * as v from 'valibot';
import { managementActions } from '../../../auth/permissions.ts';
import { actions } from '../../../domain/scope.ts';
import { described } from './values.ts';

export const whoAmI = v.strictObject({
  subject: described(v.string(), 'Stable name of the principal, as in the log and in tokens.'),
  kind: v.picklist(['admin', 'anonymous', 'entra', 'repository-token', 'federated']),
  displayName: v.optional(
    described(v.string(), 'What people call the principal, where the credential says it.'),
  ),
  permissions: v.strictObject({
    rules: v.array(
      v.strictObject({
        repositories: described(v.string(), 'A name, a prefix ended by `*`, or `*`.'),
        actions: v.array(v.picklist(actions)),
        conditional: v.pipe(
          v.boolean(),
          v.description('A condition of a role assignment chooses among these repositories.'),
        ),
      }),
    ),
    catalog: v.pipe(v.boolean(), v.description('May list the names of repositories.')),
    management: v.pipe(
      v.array(v.picklist(managementActions)),
      v.description('Rights to this API.'),
    ),
  }),
});
export type WhoAmI = v.InferOutput<typeof whoAmI>;
