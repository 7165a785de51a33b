import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createProgram } from '../../cli/program.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestLighter, testAdminPassword, type TestLighter } from '../harness/lighter.ts';
import { lighterCommand, lighterProcess } from './lighter-command.ts';

let azurite: TestAzurite;
let registry: TestLighter;
let home: string;
let lighter: ReturnType<typeof lighterCommand>;

const manifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: 'application/vnd.oci.image.index.v1+json',
  manifests: [],
});

beforeAll(async () => {
  azurite = await startTestAzurite();
  registry = await startTestLighter({ azurite });
});
afterAll(async () => {
  await registry.stop();
  await azurite.stop();
});
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'lighter-cli-'));
  lighter = lighterCommand(home);
  return () => rmSync(home, { recursive: true });
});

const login = () =>
  lighter(['login', registry.host, '-u', 'admin', '--password-stdin'], testAdminPassword);

async function push(image: string): Promise<void> {
  const [repository, tag] = image.split(':');
  const pair = Buffer.from(`admin:${testAdminPassword}`).toString('base64');
  const response = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, {
    method: 'PUT',
    headers: {
      Authorization: `Basic ${pair}`,
      'Content-Type': 'application/vnd.oci.image.index.v1+json',
    },
    body: manifest,
  });
  expect(response.status).toBe(201);
}

describe('lighter login', () => {
  test('keeps the credential where only its owner can read it, and logout forgets it', async () => {
    expect(await login()).toMatchObject({ code: 0, stderr: `signed in to ${registry.url}\n` });
    const file = join(home, '.config/lighter/credentials.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await lighter(['whoami'])).stdout).toContain('admin');
    expect((await lighter(['logout', registry.host])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).not.toContain(testAdminPassword);
    expect((await lighter(['logout', registry.host])).code).toBe(4);
  });

  test('refuses a wrong password with code 3 and keeps nothing', async () => {
    const wrong = await lighter(['login', registry.host, '-u', 'admin', '--password-stdin'], 'no');
    expect(wrong).toMatchObject({ code: 3, stderr: expect.stringContaining('is wrong') });
    expect((await lighter(['whoami'])).code).toBe(2);
  });

  test('is not needed after docker login', async () => {
    const auth = Buffer.from(`admin:${testAdminPassword}`).toString('base64');
    mkdirSync(join(home, '.docker'));
    writeFileSync(
      join(home, '.docker/config.json'),
      JSON.stringify({ auths: { [registry.host]: { auth } } }),
    );
    const { code, stdout } = await lighter(['whoami', '-r', registry.host]);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('admin') });
  });

  test('can be left out where the environment says who it is', async () => {
    const script = lighterCommand(home, {
      LIGHTER_REGISTRY: registry.host,
      LIGHTER_USERNAME: 'admin',
      LIGHTER_PASSWORD: testAdminPassword,
    });
    expect(JSON.parse((await script(['whoami', '--json'])).stdout)).toMatchObject({
      subject: 'admin',
    });
  });
});

describe('repositories, tags and manifests', () => {
  beforeEach(async () => {
    await login();
    await push('team/app:v1');
  });

  test('are listed for people and for machines', async () => {
    expect((await lighter(['repo', 'list'])).stdout).toContain('team/app\n');
    expect(JSON.parse((await lighter(['repo', 'list', '--json'])).stdout)).toContain('team/app');
    expect((await lighter(['tag', 'list', 'team/app'])).stdout).toMatch(
      /^TAG +DIGEST +UPDATED +LOCKS\nv1 +sha256:[0-9a-f]{12} +\d{4}-\d\d-\d\d \d\d:\d\d +-\n$/,
    );
    const manifests: unknown = JSON.parse(
      (await lighter(['--json', 'manifest', 'list', 'team/app'])).stdout,
    );
    expect(manifests).toMatchObject([{ tags: ['v1'] }]);
    expect((await lighter(['manifest', 'get', 'team/app:v1'])).stdout).toBe(manifest);
  });

  test('and all else that is listed are an array with --json', { timeout: 120_000 }, async () => {
    const lists = createProgram('', () => expect.unreachable()).commands.flatMap((group) =>
      group.commands.filter((each) => each.name() === 'list').map((list) => ({ group, list })),
    );
    expect(lists.length).toBeGreaterThan(8);
    for (const { group, list } of lists) {
      const target = list.registeredArguments.some(({ required }) => required) ? ['team/app'] : [];
      const { stdout } = await lighter([group.name(), 'list', ...target, '--json']);
      expect(JSON.parse(stdout), group.name()).toBeInstanceOf(Array);
    }
    expect(JSON.parse((await lighter(['usage', '--json'])).stdout)).toBeInstanceOf(Array);
  });

  test('are locked, and a lock ends a deletion with code 6', async () => {
    const locked = await lighter(['tag', 'set', 'team/app:v1', '--delete-enabled', 'false']);
    expect(locked.stdout).toMatch(/locks +delete/);
    expect((await lighter(['tag', 'delete', 'team/app:v1', '--yes'])).code).toBe(6);
    await lighter(['tag', 'set', 'team/app:v1', '--delete-enabled', 'true']);
    expect((await lighter(['tag', 'delete', 'team/app:v1', '--yes'])).code).toBe(0);
    expect((await lighter(['tag', 'show', 'team/app:v1'])).code).toBe(4);
  });

  test('are unlocked by their tag, too, when nobody may pull them', async () => {
    const set = ['manifest', 'set', 'team/app:v1', '--read-enabled'];
    expect((await lighter([...set, 'false'])).stdout).toMatch(/locks +read/);
    const refused = await lighter(['manifest', 'delete', 'team/app:v1', '--yes']);
    expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining('disallowed') });
    expect((await lighter([...set, 'true'])).stdout).toMatch(/locks +-/);
    const unknown = await lighter(['manifest', 'show', 'team/app:none']);
    expect(unknown).toMatchObject({ code: 4, stderr: expect.stringContaining('unknown') });
  });

  test('are put into quarantine and released', async () => {
    const held = await lighter(['manifest', 'quarantine', 'team/app:v1', '--details', '{"cve":1}']);
    expect(held.stdout).toMatch(/quarantine +Quarantined/);
    const failed = await lighter(['manifest', 'quarantine', 'team/app:v1', '--failed', '--json']);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      changeableAttributes: { quarantineState: 'Failed', quarantineDetails: '{"cve":1}' },
    });
    const released = await lighter(['manifest', 'release', 'team/app:v1']);
    expect(released.stdout).toMatch(/quarantine +Passed/);
  });

  test('are restored once they were deleted, where the policy says so', async () => {
    const file = join(home, 'policy.json');
    const softDelete = [{ repositories: ['soft/*'], retainDays: 7 }];
    writeFileSync(file, JSON.stringify({ softDelete }));
    const applied = await lighter(['policy', 'apply', file]);
    expect(applied).toMatchObject({ code: 0 });
    await push('soft/app:v1');
    expect((await lighter(['manifest', 'delete', 'soft/app:v1', '--yes'])).code).toBe(0);
    expect((await lighter(['deleted', 'list'])).stdout).toMatch(/soft\/app +1 /);
    const list = await lighter(['deleted', 'list', 'soft/app', '--json']);
    const deleted: unknown = JSON.parse(list.stdout);
    expect(deleted).toMatchObject([{ tags: ['v1'] }]);
    const [{ digest }] = deleted as [{ digest: string }];
    expect((await lighter(['deleted', 'list', 'soft/app'])).stdout).toContain(digest);
    expect(deleted).toMatchObject([{ imageSize: 0 }]);
    expect((await lighter(['deleted', 'restore', 'soft/app:v1'])).code).toBe(2);
    const restored = await lighter(['deleted', 'restore', `soft/app@${digest}`]);
    expect(restored.stdout).toBe(`restored ${digest} with v1\n`);
    expect((await lighter(['manifest', 'get', 'soft/app:v1'])).stdout).toBe(manifest);
    const never = `soft/app@sha256:${'0'.repeat(64)}`;
    expect((await lighter(['deleted', 'restore', never])).code).toBe(4);
  });

  test('are deleted only by who says yes', async () => {
    expect(await lighter(['repo', 'delete', 'team/app'])).toMatchObject({ code: 2 });
    expect((await lighter(['repo', 'delete', 'team/app', '--yes'])).code).toBe(0);
    expect((await lighter(['repo', 'show', 'team/app'])).code).toBe(4);
  });
});

describe('a command', () => {
  test('that is not known ends with code 2 and says what is near', async () => {
    const { code, stderr } = await lighter(['repo', 'lst']);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('list') });
  });

  test('ends without a word when who reads has had enough', async () => {
    await login();
    const { child, ended } = lighterProcess(home, ['policy', 'show']);
    child.stdout?.destroy();
    expect(await ended).toEqual({ code: 0, stderr: '' });
  });

  test('ends with code 5 when nobody answers', async () => {
    expect((await lighter(['-r', 'localhost:1', 'repo', 'list'])).code).toBe(5);
  });
});
