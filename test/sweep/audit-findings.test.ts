import { expect, it } from 'vitest';
import {
  findingKinds,
  FindingTally,
  noFindings,
} from '../../shared/registry/audit/audit-findings.ts';

/** Of one property of a row: 64 KiB in UTF-16. */
const maxPropertyChars = 32 * 1024;

it('findings fit a row, however long the names are that they tell', () => {
  const tally = new FindingTally(noFindings);
  for (const kind of findingKinds) {
    for (let at = 0; at < 100; at++) tally.note(kind, `${'team/'.repeat(100)}${at}`, false);
  }
  expect(JSON.stringify(tally.findings).length).toBeLessThan(maxPropertyChars);
});
