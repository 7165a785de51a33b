import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { lighterCommand } from './lighter-command.ts';
import { type Said, scriptedRegistry } from './scripted-registry.ts';

const lighter = lighterCommand(tmpdir(), { LIGHTER_USERNAME: 'ada', LIGHTER_PASSWORD: 'secret' });
const restored = (finished: boolean): Said => ({
  body: {
    backup: 'b',
    finished,
    stage: 'rows',
    rows: 1,
    lostBlobs: 0,
    lostManifests: 0,
    droppedTags: 0,
    examples: [],
  },
});
const refused: Said = {
  status: 401,
  body: { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
};

/** Each token is good for so many restores; `tokens` says how many there can be. */
async function registryWhoseTokensEnd(uses: number, tokens = Infinity) {
  let [issued, left] = [0, 0];
  return await scriptedRegistry(({ url = '', headers }) => {
    if (url.startsWith('/oauth2/token')) {
      if (issued >= tokens) return refused;
      issued += 1;
      left = uses;
      return { body: { access_token: `token-${issued}` } };
    }
    if (headers.authorization !== `Bearer token-${issued}` || left === 0) return refused;
    left -= 1;
    return restored(issued === 3 && left === 0);
  });
}

const restore = (host: string) => lighter(['-r', host, 'restore', 'b', '--json']);

test('work that outlives its token goes on with another', async () => {
  const { host, requests } = await registryWhoseTokensEnd(2);
  const ended = await restore(host);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(ended.stdout)).toMatchObject({ finished: true });
  expect(requests.filter((each) => each.endsWith('/token'))).toHaveLength(3);
});

test('who cannot sign in again is told that, not that a right is lacking', async () => {
  const { host } = await registryWhoseTokensEnd(1, 1);
  expect(await restore(host)).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/the password is wrong, or has ended/),
  });
});

test('whose fresh token is refused lacks a right; the words of the registry come with it', async () => {
  const { host, requests } = await registryWhoseTokensEnd(0);
  expect(await restore(host)).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(
      /lacks this right .*\n {2}the registry says: authentication required\n$/,
    ),
  });
  expect(requests).toEqual(['GET /oauth2/token', 'POST /api/v1/restore']);
});

test('a right that was taken away during the work is not asked for again and again', async () => {
  const { host, requests } = await scriptedRegistry(({ url = '' }) => {
    if (url.startsWith('/oauth2/token')) return { body: { access_token: 'token' } };
    return requests.length === 2 ? restored(false) : refused;
  });
  const { code, stderr } = await restore(host);
  expect(code).toBe(3);
  expect(stderr).toContain('lacks this right');
  expect(requests).toEqual([
    'GET /oauth2/token',
    'POST /api/v1/restore',
    'POST /api/v1/restore',
    'GET /oauth2/token',
    'POST /api/v1/restore',
  ]);
});
