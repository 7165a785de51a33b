import * as v from 'valibot';
import { actions } from '../../domain/scope.ts';
import { managementActions } from '../../auth/permissions.ts';
import type { PermissionReason } from '../../auth/permission-explanation.ts';
import { passwordSlots } from '../../auth/repository-token.ts';
import { federationRules } from '../../policy/federation-rules.ts';
import { scopeMaps } from '../../policy/scope-maps.ts';
import { findingKinds } from '../../registry/audit/audit-findings.ts';
import { restoreStages } from '../../registry/backup/restore-state.ts';
import { kindNames } from '../../registry/sweep/sweep-report.ts';
import { askableRights } from './permission-question.ts';

/**
 * What the management API answers. Loaded by who documents or tests it; handlers have its types.
 */

const described = <Value>(schema: v.GenericSchema<Value>, text: string) =>
  v.pipe(schema, v.description(text));

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

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const kindReport = v.strictObject({
  seen: described(count, 'Work that was due.'),
  done: described(count, 'Of it, what is done; in a dry run, would be.'),
  waiting: count,
  failed: count,
  freedBytes: count,
});

export const sweepReport = v.strictObject({
  finished: described(v.boolean(), 'False: time was up, and the next sweep goes on.'),
  startedAt: time,
  durationMs: count,
  dryRun: v.boolean(),
  repositoriesVisited: count,
  repositoriesRemoved: count,
  kinds: v.strictObject(v.entriesFromList(Object.values(kindNames), kindReport)),
  unknownRows: described(count, 'Work of a kind that only a later release knows.'),
  failures: described(v.array(v.string()), 'The first ten.'),
});

export const auditReport = v.strictObject({
  finished: described(v.boolean(), 'False: time was up, and the next call goes on.'),
  startedAt: time,
  findings: v.strictObject(
    v.entriesFromList(
      findingKinds,
      v.strictObject({
        found: count,
        repaired: count,
        examples: described(v.array(v.string()), 'The first ten.'),
      }),
    ),
  ),
});

export const backupState = v.strictObject({
  id: v.string(),
  finished: described(v.boolean(), 'False: call again, or leave the rest to the timer.'),
  rows: count,
  parts: described(count, 'Files.'),
});

export const backupList = v.strictObject({
  backups: v.pipe(
    v.array(v.strictObject({ id: v.string(), startedAt: time })),
    v.description('Complete ones, newest first.'),
  ),
  running: v.optional(v.strictObject({ id: v.string(), startedAt: time, rows: count })),
});

export const restoreReport = v.strictObject({
  backup: v.string(),
  finished: described(v.boolean(), 'False: call again.'),
  stage: v.picklist([...restoreStages, 'over']),
  rows: described(count, 'Rows of the backup that were gone through.'),
  lostBlobs: described(count, 'Rights to blobs whose bytes are gone, which were taken away.'),
  lostManifests: described(count, 'Manifests that lack bytes, which were deleted.'),
  droppedTags: described(count, 'Tags of manifests that are not there.'),
  examples: described(v.array(v.string()), 'The first ten of these.'),
});

export const rebuildReport = v.strictObject({
  finished: v.boolean(),
  next: v.optional(described(v.string(), 'Goes into the next call as `after`.')),
  blobs: count,
  rebuilt: described(count, 'Whose rows were missing.'),
  linked: described(count, 'To which the given repository has the right.'),
  passedOver: described(count, 'Given up, without a digest, or written within the hour.'),
});

export const retentionReport = v.strictObject({
  finished: described(v.boolean(), 'False: time was up, and the next run goes on.'),
  startedAt: time,
  durationMs: count,
  dryRun: v.boolean(),
  repositoriesVisited: described(count, 'Those that a rule fits.'),
  tags: described(count, 'How many were deleted; in a preview, would be.'),
  manifests: count,
  kept: described(count, 'What was to go, and changed or was locked meanwhile.'),
  items: v.pipe(
    v.array(
      v.strictObject({
        repository: v.string(),
        tag: v.optional(v.string()),
        digest: v.string(),
        rule: described(v.string(), 'Its name; `deleteReferrers` for that section.'),
        reason: v.picklist(['tag', 'untagged', 'referrer']),
      }),
    ),
    v.description('The first 10,000, in the order in which they go.'),
  ),
  failures: described(v.array(v.string()), 'The first ten.'),
});

export const usageReport = v.strictObject({
  repository: v.string(),
  uniqueBytes: described(count, 'Its manifests, and blobs that no other repository holds.'),
  sharedBytes: described(count, 'Blobs that other repositories hold, too.'),
  manifests: count,
  tags: count,
  lastPush: v.optional(time),
  lastPull: v.optional(described(time, 'As far as pulls are sampled: right to some hours.')),
  countedAt: time,
});
export const usageList = v.strictObject({ repositories: v.array(usageReport) });
export const usageCount = v.strictObject({
  finished: described(v.boolean(), 'False: call again, or leave the rest to the timer.'),
  repositories: described(count, 'How many this call counted.'),
});

const healthCheck = v.strictObject({
  name: v.string(),
  ok: v.boolean(),
  message: described(v.string(), 'What was found, or what is missing.'),
  milliseconds: count,
});
export type HealthCheck = v.InferOutput<typeof healthCheck>;

const orNull = v.nullable(v.string());
export const healthReport = v.strictObject({
  ok: described(v.boolean(), 'Every check is.'),
  version: v.string(),
  time: described(time, 'The clock of the instance that answers.'),
  checks: v.array(healthCheck),
  settings: v.pipe(
    v.strictObject({
      publicUrl: orNull,
      local: v.boolean(),
      storage: v.strictObject({
        blobUrl: v.string(),
        tableUrl: v.string(),
        stagingBlobUrl: v.string(),
        credential: v.picklist(['key', 'identity']),
        clientId: orNull,
      }),
      adminAccount: described(v.boolean(), 'Whether it is on.'),
      anonymousPull: v.array(v.string()),
      allowMissingBlobs: v.array(v.string()),
      maxBodyBytes: v.nullable(count),
      entra: v.nullable(
        v.strictObject({
          tenantId: v.string(),
          authority: v.string(),
          appId: orNull,
          acceptArmTokens: v.boolean(),
        }),
      ),
      roleAssignments: v.nullable(
        v.strictObject({ resourceId: v.string(), armEndpoint: v.string(), clientId: orNull }),
      ),
    }),
    v.description('The settings in force, without the secrets among them.'),
  ),
});
export type HealthReport = v.InferOutput<typeof healthReport>;
