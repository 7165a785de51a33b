import * as v from 'valibot';
import { kindNames } from '../../../registry/sweep/sweep-report.ts';
import { count, described, time } from './values.ts';

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
