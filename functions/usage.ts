import type { App } from '../shared/http/app.ts';

/** Every hour, and works once a day until it came to its end: counts what repositories hold. */
export const usageTimer = {
  name: 'usage',
  /** NCRONTAB, UTC. */
  schedule: '0 41 * * * *',
  run: async ({ registry }: App): Promise<string | undefined> => {
    const { countUsage } = await import('../shared/registry/usage/count-usage.ts');
    const report = await countUsage(registry, { maxMs: 4 * 60_000 });
    return report && JSON.stringify({ event: 'usage', ...report });
  },
};
