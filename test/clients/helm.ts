import { ok, strictEqual } from 'node:assert/strict';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from './install.ts';
import { exec, execMustFail } from './process.ts';
import { sha256 } from './digest.ts';
import type { Client, Workbench } from './workbench.ts';

async function run(tool: string, { registry, folder, env, test }: Workbench): Promise<void> {
  const { host, user, password } = registry;
  const command = toolPath(tool, 'helm');
  const helm = (...args: string[]): Promise<string> => exec(command, args, { env, cwd: folder });
  const archive = join(folder, 'greeting-0.1.0+build.1.tgz');
  const version = ['--version', '0.1.0+build.1'];
  const chart = `oci://${host}/${tool}/greeting`;

  await test('is refused with a wrong password, and logs in with the right one', async () => {
    const login = ['registry', 'login', '--plain-http', '-u', user, '-p'];
    await execMustFail(command, [...login, `${password}x`, host], { env });
    await helm(...login, password, host);
  });
  await test('packages a chart, pushes it, and pulls the same bytes', async () => {
    await mkdir(join(folder, 'greeting/templates'), { recursive: true });
    await writeFile(
      join(folder, 'greeting/Chart.yaml'),
      'apiVersion: v2\nname: greeting\nversion: 0.1.0+build.1\ndescription: A greeting\n',
    );
    await writeFile(join(folder, 'greeting/values.yaml'), 'text: hello\n');
    await writeFile(
      join(folder, 'greeting/templates/map.yaml'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: greeting\ndata:\n  text: {{ .Values.text }}\n',
    );
    await helm('package', 'greeting');
    const packaged = await readFile(archive);
    await helm('push', '--plain-http', archive, `oci://${host}/${tool}`);
    await rm(archive);
    await helm('pull', '--plain-http', chart, ...version, '-d', folder);
    strictEqual(sha256(await readFile(archive)), sha256(packaged));
  });
  await test('shows and renders the chart straight from the registry', async () => {
    const shown = await helm('show', 'chart', '--plain-http', chart, ...version);
    ok(shown.includes('name: greeting'), shown);
    const rendered = await helm('template', '--plain-http', 'x', chart, '--set', 'text=moin');
    ok(rendered.includes('text: moin'), rendered);
  });
}

const client = (tool: string): Client => ({
  name: tool,
  tools: [tool],
  run: (bench) => run(tool, bench),
});

export const helm4: Client = client('helm4');
export const helm3: Client = { ...client('helm3'), extra: true };
