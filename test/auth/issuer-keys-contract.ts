import { expect, test } from 'vitest';
import type { App } from '../../shared/http/app.ts';
import { base, exchange, get } from './entra/clients.ts';
import { cut, type IssuerServer } from './issuer-server.ts';
import { unavailable } from './refusals.ts';
import type { MovableClock } from './registry-tables.ts';
import { basic } from './sign-in-app.ts';

export const metadata = '/.well-known/openid-configuration';
export const hour = 3600;

/** What a test has set up: an issuer, and an app that believes its tokens. */
export interface IssuerTrial {
  readonly app: App;
  readonly clock: MovableClock;
  readonly issuer: Pick<IssuerServer, 'asked' | 'faults'> & { rotateKeys(): Promise<void> };
  /** What the paths of its metadata and of its keys end with. */
  readonly paths: { readonly metadata: string; readonly keySet: string };
  /** Whom a client that sends the token as a password says it is. */
  readonly username: string;
  /** A token with these times, in seconds. */
  sign(times: { iat: number; nbf: number }, header?: Record<string, unknown>): Promise<string>;
}

/** What a test does to the issuer it has set up, and to the app that believes it. */
export function dealingsWith(trial: () => IssuerTrial) {
  /** A token that is good now, by the registry's clock. */
  const token = (header?: Record<string, unknown>) => {
    const now = Math.floor(trial().clock.now().getTime() / 1000);
    return trial().sign({ iat: now, nbf: now }, header);
  };
  return {
    token,
    enter: async (on = trial().app) => exchange(on, await token()),
    unknownKid: async () => exchange(trial().app, await token({ kid: crypto.randomUUID() })),
    askedForKeys: () => {
      const { issuer, paths } = trial();
      return issuer.asked.filter((path) => path.endsWith(paths.keySet)).length;
    },
    down: () => {
      const { issuer, paths } = trial();
      for (const path of Object.values(paths)) issuer.faults.set(path, cut);
    },
  };
}

/** Keys are asked for as seldom as rotations allow. */
export function keysAreKept(trial: () => IssuerTrial): void {
  const { token, enter, unknownKid, askedForKeys } = dealingsWith(trial);

  test('are fetched once, also for many at once, and kept', async () => {
    const before = askedForKeys();
    await Promise.all([enter(), enter(), enter()]);
    trial().clock.advance(hour - 60);
    await enter();
    expect(askedForKeys()).toBe(before + 1);
  });

  test('are fetched again for a kid not seen before: a rotation is followed', async () => {
    const { app, clock, issuer } = trial();
    await enter();
    const old = await token();
    await issuer.rotateKeys();
    expect(await exchange(app, old)).toHaveProperty('refresh_token');
    clock.advance(10);
    expect(await enter()).toHaveProperty('refresh_token');
    await expect(exchange(app, old)).rejects.toMatchObject({ status: 401 });
  });

  test('are not fetched for made-up kids more than once in ten seconds', async () => {
    await enter();
    const before = askedForKeys();
    trial().clock.advance(10);
    for (let guess = 0; guess < 20; guess++) {
      await expect(unknownKid()).rejects.toMatchObject({ status: 401 });
    }
    await Promise.allSettled(Array.from({ length: 20 }, unknownKid));
    expect(askedForKeys()).toBe(before + 1);
  });

  test('are fetched anew after an hour, so that one taken away ends', async () => {
    const { app, clock, issuer } = trial();
    await enter();
    clock.advance(hour);
    const former = await token();
    await issuer.rotateKeys();
    expect(await exchange(app, former)).toHaveProperty('refresh_token');
    await expect.poll(() => exchange(app, former).catch(() => 'refused')).toBe('refused');
  });
}

/** An issuer that is down keeps nobody out whose keys are known, and lets nobody else in. */
export function outagesAreBridged(trial: () => IssuerTrial): void {
  const { token, enter, unknownKid, down } = dealingsWith(trial);

  test('an instance that never had the keys says 503, and recovers', async () => {
    const { app, clock, issuer, username } = trial();
    down();
    await expect(enter()).rejects.toMatchObject(unavailable);
    const password = basic(username, await token());
    await expect(base(app, password)).rejects.toMatchObject(unavailable);
    const scope = 'scope=repository:x:pull';
    await expect(get(app, scope, password)).rejects.toMatchObject(unavailable);
    issuer.faults.clear();
    clock.advance(10);
    expect(await enter()).toHaveProperty('refresh_token');
  });

  test('it is not asked again for ten seconds', async () => {
    const { asked } = trial().issuer;
    down();
    await expect(enter()).rejects.toMatchObject(unavailable);
    const before = asked.length;
    await Promise.allSettled(Array.from({ length: 20 }, () => enter()));
    expect(asked.length).toBe(before);
  });

  test('known keys go on verifying for a day and not longer', async () => {
    const { clock, issuer } = trial();
    await enter();
    down();
    clock.advance(24 * hour - 60);
    expect(await enter()).toHaveProperty('refresh_token');
    clock.advance(120);
    await expect(enter()).rejects.toMatchObject(unavailable);
    issuer.faults.clear();
    clock.advance(10);
    expect(await enter()).toHaveProperty('refresh_token');
  });

  test('a kid that is not known is 503, not 401: it may be the newest', async () => {
    await enter();
    down();
    trial().clock.advance(10);
    await expect(unknownKid()).rejects.toMatchObject(unavailable);
    expect(await enter()).toHaveProperty('refresh_token');
  });
}

/**
 * An answer that is not the issuer's word: `fresh`, which has no keys yet, says 503, and the keys
 * that the app knows go on verifying when it should have fetched them anew.
 */
export async function expectNotBelieved(
  trial: IssuerTrial,
  fresh: App,
  spoil: () => void,
): Promise<void> {
  const { enter, unknownKid } = dealingsWith(() => trial);
  await enter();
  spoil();
  await expect(enter(fresh)).rejects.toMatchObject(unavailable);
  trial.clock.advance(hour);
  expect(await enter()).toHaveProperty('refresh_token');
  await expect(unknownKid()).rejects.toMatchObject(unavailable);
  expect(await enter()).toHaveProperty('refresh_token');
}
