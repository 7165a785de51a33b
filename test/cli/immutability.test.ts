import { mkdtempSync, rmSync } from 'node:fs';
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
  const { host } = registry().lighter;
  await lighter(['login', host, '-u', 'admin', '--password-stdin'], testAdminPassword);
});
afterAll(() => rmSync(home, { recursive: true }));

test('lighter immutability sets, lists and deletes rules and leaves the rest of the policy', async () => {
  await lighter(['scope-map', 'set', 'ci', '--allow', 'team/*=push']);
  const made = await lighter(['immutability', 'set', 'release/*', 'base', '--tags', 'v\\d+']);
  expect(made).toMatchObject({ code: 0, stderr: 'in force everywhere within 60 s\n' });
  expect((await lighter(['immutability', 'set', 'all'])).code).toBe(0);
  expect((await lighter(['immutability', 'list'])).stdout).toMatch(
    /^REPOSITORIES +TAGS\nrelease\/\* base +v\\d\+\nall +all\n$/,
  );
  await lighter(['immutability', 'set', 'base', 'release/*', '--tags', 'w.*']);
  const listed = await lighter(['immutability', 'list', '--json']);
  expect(JSON.parse(listed.stdout)).toEqual([
    { repositories: ['base', 'release/*'], tags: 'w.*' },
    { repositories: ['all'] },
  ]);
  expect((await lighter(['immutability', 'delete', 'all'])).code).toBe(0);
  expect((await lighter(['immutability', 'delete', 'all'])).code).toBe(4);
  const policy = JSON.parse((await lighter(['policy', 'show'])).stdout);
  expect(policy).toMatchObject({
    scopeMaps: [{ name: 'ci' }],
    immutability: [{ repositories: ['base', 'release/*'], tags: 'w.*' }],
  });
});

test('what a rule forbids to everybody ends with code 6', async () => {
  await lighter(['immutability', 'set', 'held/*']);
  const { url } = registry().lighter;
  const pair = Buffer.from(`admin:${testAdminPassword}`).toString('base64');
  const type = 'application/vnd.oci.image.index.v1+json';
  const pushed = await fetch(`${url}/v2/held/app/manifests/v1`, {
    method: 'PUT',
    headers: { Authorization: `Basic ${pair}`, 'Content-Type': type },
    body: JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [] }),
  });
  expect(pushed.status).toBe(201);
  const refused = await lighter(['tag', 'delete', 'held/app:v1', '--yes']);
  expect(refused).toMatchObject({ code: 6, stderr: expect.stringContaining('immutable') });
  await lighter(['immutability', 'delete', 'held/*']);
});

test('a rule that cannot hold is refused with where and why', async () => {
  const refused = await lighter(['immutability', 'set', 'app', '--tags', '(a+)+']);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('/immutability/1/tags');
  expect(refused.stderr).toContain('quick to match');
});
