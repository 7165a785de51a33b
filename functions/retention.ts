import type { App } from '../shared/http/app.ts';
import { effectLine } from '../shared/http/audit.ts';

/**
 * Every hour, and works once a day until it came to its end: deletes what the policy's rules of
 * retention say, for at most four minutes a run.
 */
export const retentionTimer = {
  name: 'retention',
  /** NCRONTAB, UTC. */
  schedule: '0 23 * * * *',
  run: async ({ registry }: App, log: (line: string) => void): Promise<string | undefined> => {
    const { retainWhenDue } = await import('../shared/registry/retention/retain.ts');
    const { effectOf } = await import('../shared/http/management/retention.ts');
    const report = await retainWhenDue(registry, {
      dryRun: false,
      maxMs: 4 * 60_000,
      maxItems: 0,
      onDeleted: (item) => log(JSON.stringify(effectLine(effectOf(item)))),
    });
    return report && JSON.stringify({ event: 'retention', ...report });
  },
};
