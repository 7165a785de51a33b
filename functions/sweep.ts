import type { App } from '../shared/http/app.ts';
import { sweep } from '../shared/registry/sweep/sweep.ts';

/** Every five minutes: frees what was deleted, given up or left behind, for at most four. */
export const sweepTimer = {
  name: 'sweep',
  /** NCRONTAB, UTC. */
  schedule: '0 */5 * * * *',
  run: async ({ registry }: App): Promise<string> =>
    JSON.stringify({
      event: 'sweep',
      ...(await sweep(registry, { dryRun: false, maxMs: 4 * 60_000 })),
    }),
};
