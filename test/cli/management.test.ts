import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testAdminPassword } from '../harness/lighter.ts';
import { registryOfFile } from '../http/registry.ts';
import { lighterCommand } from './lighter-command.ts';

const registry = registryOfFile();
const home = mkdtempSync(join(tmpdir(), 'lighter-cli-'));
const lighter = lighterCommand(home);

beforeAll(async () => {
  const { client, lighter: started } = registry();
  await client.pushImage('team/app', 'v1');
  await lighter(['login', started.host, '-u', 'admin', '--password-stdin'], testAdminPassword);
});
afterAll(() => rmSync(home, { recursive: true }));

test(
  'a token is made with its password, and has the rights of its scope map',
  { timeout: 120_000 },
  async () => {
    await lighter(['scope-map', 'set', 'ci', '--allow', 'team/*=push']);
    const made = await lighter(['token', 'create', 'builder', '--scope-map', 'ci']);
    expect(made.code).toBe(0);
    expect((await lighter(['token', 'create', 'x', '--scope-map', 'none'])).code).toBe(2);
    const again = await lighter(['token', 'create', 'builder', '--scope-map', 'ci']);
    expect(again).toMatchObject({ code: 6, stderr: expect.stringContaining('token generate') });
    const asToken = lighterCommand(home, {
      LIGHTER_USERNAME: 'builder',
      LIGHTER_PASSWORD: made.stdout.trim(),
    });
    expect((await asToken(['whoami'])).stdout).toMatch(/team\/\* +pull, push, metadata_read/);
    const refused = await asToken(['tag', 'list', 'org/app']);
    expect(refused).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /lacks this right .*\n {2}it takes metadata_read of repository org\/app\n {2}the registry says: /,
      ),
    });
    const check = ['permissions', 'check', 'token:builder', 'team/app'];
    expect((await lighter([...check, 'push'])).code).toBe(0);
    expect((await lighter([...check, 'delete'])).code).toBe(3);
    await registry().client.send('DELETE', '/api/v1/tokens/builder');
    await registry().client.send('DELETE', '/api/v1/scope-maps/ci');
  },
);

test('a token is disabled and deleted, and holds its scope map until then', async () => {
  await lighter(['scope-map', 'set', 'held', '--allow', 'team/*=push']);
  const made = await lighter(['token', 'create', 'holder', '--scope-map', 'held']);
  expect((await lighter(['scope-map', 'delete', 'held'])).code).toBe(6);
  expect((await lighter(['token', 'disable', 'holder'])).stdout).toMatch(/state +disabled/);
  const asToken = lighterCommand(home, {
    LIGHTER_USERNAME: 'holder',
    LIGHTER_PASSWORD: made.stdout.trim(),
  });
  expect((await asToken(['whoami'])).code).toBe(3);
  expect((await lighter(['token', 'delete', 'holder'])).code).toBe(0);
  expect((await lighter(['scope-map', 'delete', 'held'])).code).toBe(0);
});

test('a federation rule is set with its claims', async () => {
  const rule = [
    '--issuer=https://token.actions.githubusercontent.com',
    `--audience=${registry().lighter.host}`,
    '--claim=repository=org/app',
    '--claim=ref=refs/heads/main',
    '--allow=org/*=push',
  ];
  const bad = await lighter(['federation', 'set', 'github', ...rule, '--max-token-age=5m']);
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('a number') });
  const set = await lighter(['federation', 'set', 'github', ...rule, '--max-token-age=300']);
  expect(set).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/token age +at most 300 s/),
  });
  expect((await lighter(['federation', 'list'])).stdout).toContain(
    'repository=org/app ref=refs/heads/main',
  );
  expect((await lighter(['federation', 'delete', 'github'])).code).toBe(0);
});

test('retention is previewed and run, usage counted and shown', async () => {
  const preview = await lighter(['retention', 'preview']);
  expect(preview.stdout).toBe(
    'tags would be deleted: 0, manifests: 0; repositories looked at: 0\n',
  );
  expect(JSON.parse((await lighter(['retention', 'run', '--yes', '--json'])).stdout)).toMatchObject(
    {
      dryRun: false,
      items: [],
    },
  );
  const usage = await lighter(['usage', '--count']);
  expect(usage.stdout).toMatch(/^REPOSITORY +OWN +SHARED +MANIFESTS +TAGS +LAST PUSH +LAST PULL$/m);
  const [{ repository, tags }] = JSON.parse((await lighter(['usage', '--json'])).stdout);
  const one = await lighter(['usage', repository]);
  expect(one.stdout).toMatch(new RegExp(`^tags +${tags}$`, 'm'));
});

test('a policy is validated and applied, and what is wrong is said with its place', async () => {
  const file = join(home, 'policy.json');
  writeFileSync(file, '{"anonymousPull":["Upper"]}');
  const refused = await lighter(['policy', 'validate', file]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('/anonymousPull/0') });
  expect((await lighter(['policy', 'apply', file])).code).toBe(2);
  const piped = await lighter(['policy', 'validate', '-'], '{}');
  expect(piped.stderr).toBe('standard input is a valid policy\n');
  writeFileSync(file, '{"anonymousPull":["public/*"]}');
  expect((await lighter(['policy', 'apply', file])).code).toBe(0);
  expect((await lighter(['policy', 'apply', file, '--if-match', '"old"'])).code).toBe(6);
  const etag = (await lighter(['policy', 'show', '--etag'])).stdout.trim();
  expect(etag).toMatch(/^".+"$/);
  const unquoted = etag.replaceAll('"', '');
  expect((await lighter(['policy', 'apply', file, '--if-match', unquoted])).code).toBe(0);
  expect((await lighter(['policy', 'show'])).stdout).toContain('public/*');
});

test('gc says what it would do, and what it did', async () => {
  const dry = await lighter(['gc', '--dry-run']);
  expect(dry.stdout).toMatch(/^mode +dry run: nothing was changed$/m);
  expect(JSON.parse((await lighter(['gc', '--json'])).stdout)).toMatchObject({ finished: true });
  expect((await lighter(['gc', '--last'])).stdout).toMatch(/^mode +for real$/m);
});

test('storage-audit finds nothing wrong with what was just stored', async () => {
  const { code, stdout } = await lighter(['storage-audit']);
  expect({ code, stdout }).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('nothing is wrong'),
  });
});

test('check-health looks from the name down to what is inside', async () => {
  const { stdout } = await lighter(['check-health']);
  expect(stdout).toMatch(/^name +ok/m);
  expect(stdout).toMatch(/^challenge +ok/m);
  expect(stdout).toMatch(/^sign-in +ok/m);
  expect((await lighter(['-r', 'localhost:1', 'check-health'])).code).toBe(1);
  const lost = await lighter(['-r', 'registry.invalid', 'check-health', '--json']);
  expect(JSON.parse(lost.stdout)).toMatchObject([{ name: 'name', ok: false }]);
});
