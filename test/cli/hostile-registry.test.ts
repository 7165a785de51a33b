import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { lighterCommand } from './lighter-command.ts';
import { scriptedRegistry } from './scripted-registry.ts';

const lighter = lighterCommand(tmpdir());
// oxlint-disable-next-line no-control-regex -- they are what must not be there
const steering = /[\u001b\u202e]/;

test('what a registry says of an error cannot steer the terminal', async () => {
  const message = 'no\u001b[2J\u001b]0;title\u0007\u202e';
  const body = { errors: [{ code: 'DENIED', message, detail: message }] };
  const { host } = await scriptedRegistry(() => ({ status: 403, body }));
  const { code, stderr } = await lighter(['-r', host, 'repo', 'list']);
  expect(code).toBe(3);
  expect(stderr).toContain('lighter: no\ufffd[2J');
  expect(stderr).not.toMatch(steering);
});

test('what a registry calls things cannot leave a colour behind, nor turn the text', async () => {
  const id = '20260102T030405Z\u001b[8m\u202e';
  const startedAt = '2026-01-02T03:04:05Z';
  const { host } = await scriptedRegistry(() => ({
    body: { access_token: 'token', backups: [{ id, startedAt }] },
  }));
  const { stdout } = await lighter(['-r', host, 'backup', 'list']);
  expect(stdout).toContain('20260102T030405Z\ufffd[8m\ufffd  2026-01-02 03:04');
  const json = await lighter(['-r', host, 'backup', 'list', '--json']);
  expect(json.stdout).not.toMatch(steering);
  expect(JSON.parse(json.stdout)).toEqual([{ id, startedAt }]);
});

test('a backup that is being taken is not among those that can be restored', async () => {
  const startedAt = '2026-01-02T03:04:05Z';
  const backups = [{ id: 'newest', startedAt }];
  const running = { id: 'half', startedAt, rows: 1 };
  const { host } = await scriptedRegistry(() => ({
    body: { access_token: 'token', backups, running },
  }));
  const list = await lighter(['-r', host, 'backup', 'list', '--json']);
  expect(JSON.parse(list.stdout)).toEqual(backups);
  expect(list.stderr).toBe('being taken since 2026-01-02 03:04: half\n');
});

test('who is refused in words that are none of a registry is told so, with code 1', async () => {
  for (const status of [401, 403, 404]) {
    const { host } = await scriptedRegistry(({ url = '' }) =>
      url.startsWith('/oauth2/token')
        ? { body: { access_token: 'token' } }
        : { status, body: { error: 'a proxy' } },
    );
    expect(await lighter(['-r', host, 'backup', 'list'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`answers ${status} as no registry does`),
    });
  }
});

test('a token endpoint that gives no token is said to be none, without a stack', async () => {
  const { host } = await scriptedRegistry(() => ({ body: { hello: 'world' } }));
  const { code, stderr } = await lighter(['-r', host, 'backup', 'list']);
  expect(code).toBe(1);
  expect(stderr).toBe(
    `lighter: http://${host}/oauth2/token answered something else than expected\n` +
      '  access_token: Invalid key: Expected "access_token" but received undefined\n',
  );
});
