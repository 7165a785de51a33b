import * as v from 'valibot';
import { restoreStages } from '../../../registry/backup/restore-state.ts';
import { count, described, time } from './values.ts';

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
