import { ok } from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from './install.ts';
import { exec, execMustFail } from './process.ts';
import { startRegistry } from './registry.ts';
import { writeDockerConfig, type Client, type Workbench } from './workbench.ts';

/** Less than the largest layer of the image that is pushed. */
const maxBodyBytes = 1024 * 1024;

/**
 * The Functions host reads a body with a Content-Length whole, so the registry must have a limit
 * for it.
 */
async function run(bench: Workbench): Promise<void> {
  const { images, folder, env, test } = bench;
  const registry = await startRegistry(join(folder, 'registry'), {
    LIGHTER_HOST_STRICT: '1',
    LIGHTER_MAX_BODY_BYTES: String(maxBodyBytes),
  });
  await writeDockerConfig({ ...bench, registry });
  const image = await images.app();

  try {
    await test('is named in the error of a client that sends a larger layer at once', async () => {
      const layout = ['--from-oci-layout', `${image.folder}:v1`];
      const push = ['cp', ...layout, '--to-plain-http', `${registry.host}/limit/oras:1`];
      const message = await execMustFail(toolPath('oras'), push, { env, timeoutSeconds: 60 });
      ok(message.includes(`at most ${maxBodyBytes} bytes`), message);
    });
    await test('leaves the registry usable for what is smaller', async () => {
      const file = join(folder, 'small.txt');
      await writeFile(file, 'small\n');
      const push = ['push', '--plain-http', '--disable-path-validation'];
      await exec(toolPath('oras'), [...push, `${registry.host}/limit/small:1`, file], { env });
    });
  } finally {
    await registry.stop();
  }
}

export const bodyLimit: Client = { name: 'body-limit', tools: ['oras'], run };
