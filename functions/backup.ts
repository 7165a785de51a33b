import type { App } from '../shared/http/app.ts';

/**
 * Every ten minutes: goes on with a backup, or begins one when the last began a day ago; nothing
 * unless the policy has the section `backup`.
 */
export const backupTimer = {
  name: 'backup',
  /** NCRONTAB, UTC. */
  schedule: '0 3-59/10 * * * *',
  run: async ({ registry }: App): Promise<string | undefined> => {
    const settings = (await registry.policy.current()).backup;
    if (settings === undefined) return undefined;
    const { takeBackupWhenDue } = await import('../shared/registry/backup/take-backup.ts');
    const state = await takeBackupWhenDue(registry, { maxMs: 4 * 60_000, ...settings });
    return state && JSON.stringify({ event: 'backup', ...state });
  },
};
