import { tmpdir } from 'node:os';
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

test('lighter aks attach takes no password from the command line, and leaves none out', async () => {
  const onLine = await lighter()([...attach, '--bootstrap-password=very-secret']);
  expect(onLine).toMatchObject({ code: 2, stderr: expect.stringContaining('unknown option') });
  expect(await lighter()(attach)).toMatchObject({ code: 2 });
  expect(await lighter()([...attach, '--bootstrap-password-stdin'], '\n')).toMatchObject({
    code: 2,
  });
  expect(await fakes.calls()).toEqual([]);
});
