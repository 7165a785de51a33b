import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pushLayout, type Send } from '../../cli/aks/push-layout.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { admin, Client, types } from '../http/client.ts';

let azurite: TestAzurite;
let lighter: TestLighter;
let folder: string;
const asked: string[] = [];

beforeAll(async () => {
  azurite = await startTestAzurite();
  lighter = await startTestLighter({ azurite });
  folder = await mkdtemp(join(tmpdir(), 'lighter-layout-'));
});
afterAll(async () => {
  await lighter.stop();
  await azurite.stop();
  await rm(folder, { recursive: true, force: true });
});

const send: Send = (path, init) => {
  asked.push(`${init.method} ${new URL(path, lighter.url).pathname}`);
  const headers = { ...Object.fromEntries(new Headers(init.headers)), authorization: admin };
  return fetch(new URL(path, lighter.url), { redirect: 'manual', ...init, headers });
};

/** An OCI image layout of one image with a layer of 5 MB; answers the manifest's digest. */
async function writeLayout(): Promise<string> {
  await mkdir(join(folder, 'blobs/sha256'), { recursive: true });
  const add = async (mediaType: string, bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(folder, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const manifest = await add(
    types.image,
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: types.image,
        config: await add(types.config, Buffer.from('{}')),
        layers: [await add(types.layer, randomBytes(5_000_000))],
      }),
    ),
  );
  await writeFile(join(folder, 'index.json'), JSON.stringify({ manifests: [manifest] }));
  return manifest.digest;
}

test('pushes the image of a layout, and sends nothing twice', async () => {
  const digest = await writeLayout();
  await pushLayout(send, folder, 'lighter/agent', '0.1.0');
  const pulled = await new Client(lighter.url).send('GET', '/v2/lighter/agent/manifests/0.1.0');
  expect(pulled.headers.get('docker-content-digest')).toBe(digest);

  asked.length = 0;
  await pushLayout(send, folder, 'lighter/agent', 'again');
  expect(asked.map((each) => each.split(' ')[0])).toEqual(['HEAD', 'HEAD', 'PUT']);
});

test('passes on what the registry says when it refuses', async () => {
  const refusing: Send = (path, init) => fetch(new URL(path, lighter.url), init);
  await expect(pushLayout(refusing, folder, 'lighter/agent', '1')).rejects.toThrow(
    /the registry answers 401: .*UNAUTHORIZED/,
  );
});
