import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { type FakePrograms, makeFakePrograms } from '../kubernetes/fake-programs.ts';
import { lighterCommand } from './lighter-command.ts';

const attach = ['-r', 'registry.example.com', 'aks', 'attach', 'blue', '-g', 'clusters'].concat(
  '--registry-resource-id=/subscriptions/s/…/sites/lighter',
  '--no-role-assignment',
  '--bootstrap-username=puller',
);
let fakes: FakePrograms;

beforeEach(async () => {
  fakes = await makeFakePrograms();
  const kubeletidentity = { clientId: 'client', objectId: 'object' };
  const stdout = JSON.stringify({ identityProfile: { kubeletidentity } });
  await fakes.answer({ words: 'az aks show', stdout });
  return () => fakes.remove();
});

const lighter = (settings: Readonly<Record<string, string>> = {}) =>
  lighterCommand(tmpdir(), { PATH: fakes.environment['PATH'] ?? '', ...settings });

async function passwordInCluster(): Promise<string | undefined> {
  const calls = await fakes.calls();
  const input = calls.find(({ args }) => args.includes('--filename'))?.input ?? '';
  const secret: { stringData: Record<string, string> } = JSON.parse(input);
  const config: { auths: Record<string, { auth: string }> } = JSON.parse(
    secret.stringData['.dockerconfigjson'] ?? '',
  );
  const auth = config.auths['registry.example.com']?.auth ?? '';
  return Buffer.from(auth, 'base64')
    .toString()
    .replace(/^puller:/, '');
}

test('lighter aks attach takes the first password from standard input', async () => {
  const ended = await lighter()([...attach, '--bootstrap-password-stdin'], 'very secret\n');
  expect(ended).toMatchObject({ code: 0 });
  expect(await passwordInCluster()).toBe('very secret');
});

test('lighter aks attach takes the first password from the environment', async () => {
  const ended = await lighter({ LIGHTER_BOOTSTRAP_PASSWORD: 'very secret' })(attach);
  expect(ended).toMatchObject({ code: 0 });
  expect(await passwordInCluster()).toBe('very secret');
});

test('what lighter aks runs does not get its passwords in the environment', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lighter-az-'));
  await writeFile(join(folder, 'az'), `#!/bin/sh\n/usr/bin/env > ${folder}/environment\n`);
  await chmod(join(folder, 'az'), 0o755);
  const secrets = { LIGHTER_BOOTSTRAP_PASSWORD: 'very secret', LIGHTER_PASSWORD: 'as secret' };
  await lighterCommand(tmpdir(), { PATH: folder, AZURE_CONFIG_DIR: 'kept', ...secrets })(attach);
  const environment = await readFile(join(folder, 'environment'), 'utf8');
  await rm(folder, { recursive: true });
  expect(environment).toContain('AZURE_CONFIG_DIR=kept');
  expect(environment).not.toContain('secret');
});

test.each([
  { args: attach.slice(0, -1), what: 'lighter aks attach' },
  { args: ['login', 'localhost:1', '--azure'], what: 'lighter login --azure' },
])('without the Azure CLI $what ends with 2 and says what to install', async ({ args }) => {
  expect(await lighterCommand(tmpdir(), { PATH: '/nonexistent' })(args)).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/\baz\)? cannot be run: is it installed\?/),
  });
});

test('lighter aks attach takes no password from the command line, and leaves none out', async () => {
  const onLine = await lighter()([...attach, '--bootstrap-password=very-secret']);
  expect(onLine).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown option') });
  expect(await lighter()(attach)).toMatchObject({ code: 2 });
  expect(await lighter()([...attach, '--bootstrap-password-stdin'], '\n')).toMatchObject({
    code: 2,
  });
  expect(await fakes.calls()).toEqual([]);
});
