import * as v from 'valibot';
import { findingKinds } from '../../../registry/audit/audit-findings.ts';
import { count, described, time } from './values.ts';

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
