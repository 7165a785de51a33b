import * as v from 'valibot';
import { count, described, time } from './values.ts';

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
