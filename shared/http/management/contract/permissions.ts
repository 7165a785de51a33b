import * as v from 'valibot';
import type { PermissionReason } from '../../../auth/permission-explanation.ts';
import { askableRights } from '../permission-question.ts';
import { described } from './values.ts';

const sources = [
  'role-assignment',
  'role-assignments',
  'scope-map',
  'federation-rule',
  'admin-account',
  'anonymous-pull',
] as const satisfies readonly PermissionReason['source'][];
const verdicts = [
  'grants',
  'lacks-right',
  'other-repositories',
  'other-scope',
  'unknown-role',
  'role-lacks-right',
  'condition-false',
  'condition-not-understood',
  'not-asked',
  'none',
  'unknown-token',
  'disabled',
  'no-valid-password',
  'unknown-scope-map',
  'unknown-rule',
  'off',
] as const satisfies readonly PermissionReason['verdict'][];
const text = v.optional(v.string());

export const permissionAnswer = v.strictObject({
  principal: v.string(),
  action: v.picklist(askableRights),
  repository: text,
  allowed: described(v.boolean(), 'Whether one of the reasons grants it.'),
  reasons: v.pipe(
    v.array(
      v.strictObject({
        source: v.picklist(sources),
        verdict: v.picklist(verdicts),
        assignmentId: text,
        scope: text,
        roleName: text,
        condition: text,
        problem: v.optional(described(v.string(), 'What is not understood of the condition.')),
        token: text,
        scopeMap: text,
        rule: text,
        issuer: text,
        openedBy: v.optional(v.picklist(['policy', 'configuration'])),
      }),
    ),
    v.description('Every source of permissions with what it says.'),
  ),
});
