import * as v from 'valibot';
import { count, described, time } from './values.ts';

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
