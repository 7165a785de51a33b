import type { App } from '../shared/http/app.ts';
import { auditWhenDue } from '../shared/registry/audit/audit.ts';

/** Every hour: begins an audit of storage when the last is a week ago, or goes on with it. */
export const storageAudit = {
  name: 'storage-audit',
  /** NCRONTAB, UTC. */
  schedule: '0 41 * * * *',
  run: async ({ registry }: App): Promise<string | undefined> => {
    const report = await auditWhenDue(registry, { repair: true, maxMs: 4 * 60_000 });
    return report && JSON.stringify({ event: 'storage-audit', ...report });
  },
};
