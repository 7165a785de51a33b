import * as v from 'valibot';
import { resourceName } from '../../policy/repository-rules.ts';

const maxExpiryDays = 3650;

/** What a PUT says of a repository token; the name may be left out, as the path has it. */
export const tokenDocument = v.strictObject({
  name: resourceName,
  scopeMap: v.pipe(resourceName, v.description('Name of a scope map of the policy.')),
  enabled: v.pipe(
    v.optional(v.boolean(), true),
    v.description('Whether it may sign in; its passwords stay when it may not.'),
  ),
});
export type TokenDocument = v.InferOutput<typeof tokenDocument>;

/** When a new password ends; never, where both are left out. */
export const passwordDocument = v.pipe(
  v.strictObject({
    expiresAt: v.optional(
      v.config(
        v.pipe(
          v.string(),
          v.isoTimestamp(),
          // It may have an offset without minutes, which is no time in RFC 3339 nor for Date.
          v.check((text) => !Number.isNaN(Date.parse(text)), 'must be a time as in RFC 3339'),
          v.description('A time to come, as in RFC 3339.'),
        ),
        { abortPipeEarly: true },
      ),
    ),
    expiresInDays: v.optional(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(maxExpiryDays)),
    ),
  }),
  v.check(
    ({ expiresAt, expiresInDays }) => expiresAt === undefined || expiresInDays === undefined,
    'must have expiresAt or expiresInDays, not both',
  ),
);
