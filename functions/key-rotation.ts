import type { App } from '../shared/http/app.ts';

/**
 * Daily: makes the next signing key when the newest is a month old, deletes keys whose tokens have
 * ended.
 */
export const keyRotation = {
  name: 'key-rotation',
  /** NCRONTAB, UTC. */
  schedule: '0 17 3 * * *',
  run: async (app: App): Promise<undefined> => {
    await app.authority.keys.rotate();
    return undefined;
  },
};
