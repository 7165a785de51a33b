import * as v from 'valibot';
import { count, described, time } from './values.ts';

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
