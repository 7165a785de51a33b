import * as v from 'valibot';
import { actions } from '../../domain/scope.ts';
import { managementActions } from '../../auth/permissions.ts';
import { passwordSlots } from '../../auth/repository-token.ts';
import { federationRules } from '../../policy/federation-rules.ts';
import { scopeMaps } from '../../policy/scope-maps.ts';

/**
 * What the management API answers. Loaded by who documents or tests it; handlers have its types.
 */

const described = <S extends v.GenericSchema<string, string>>(schema: S, text: string) =>
  v.pipe(schema, v.description(text));

export const whoAmI = v.strictObject({
  subject: described(v.string(), 'Stable name of the principal, as in the log and in tokens.'),
  kind: described(v.string(), '`admin`, `anonymous`, `entra`, `repository-token` or `federated`.'),
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

export const problem = v.strictObject({
  at: described(v.string(), 'JSON pointer (RFC 6901) to what is wrong; empty: the document.'),
  problem: v.string(),
});

export const policyValidation = v.strictObject({
  valid: v.boolean(),
  problems: v.array(problem),
});

export const scopeMapList = v.strictObject({ scopeMaps });
export const federationList = v.strictObject({ federation: federationRules });

const time = v.pipe(v.string(), v.isoTimestamp());
const tokenPassword = v.strictObject({ createdAt: time, expiresAt: v.optional(time) });

export const tokenJson = v.strictObject({
  name: v.string(),
  scopeMap: v.string(),
  enabled: v.boolean(),
  createdAt: time,
  lastUsedAt: v.optional(described(time, 'Right to ten minutes; left out: never.')),
  passwords: v.pipe(
    v.strictObject({
      password1: v.optional(tokenPassword),
      password2: v.optional(tokenPassword),
    }),
    v.description('What is known of the passwords, which are shown once, when they are made.'),
  ),
});
export type TokenJson = v.InferOutput<typeof tokenJson>;
export const tokenList = v.strictObject({ tokens: v.array(tokenJson) });

export const tokenPasswordMade = v.strictObject({
  name: v.string(),
  slot: v.picklist(passwordSlots),
  password: described(v.string(), 'Shown this once.'),
  expiresAt: v.optional(time),
});
export type TokenPasswordMade = v.InferOutput<typeof tokenPasswordMade>;
