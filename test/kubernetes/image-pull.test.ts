import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import { ImagePull } from '../../infra/kubernetes/agent/image-pull.ts';
import { parseRegistry } from '../../infra/kubernetes/agent/registry.ts';

let server: Server | undefined;
afterEach(() => void server?.close());

/** A registry that answers everything with this manifest, and says that it is what was asked for. */
async function answering(manifest: string): Promise<ImagePull> {
  server = createServer(({ url = '' }, response) => {
    const asked = url.slice(url.lastIndexOf('/') + 1);
    response.writeHead(200, {
      'content-type': 'application/vnd.oci.image.manifest.v1+json',
      'docker-content-digest': asked.includes(':') ? asked : digestOf(manifest),
      connection: 'close',
    });
    response.end(manifest);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return new ImagePull(parseRegistry(`http://127.0.0.1:${port}`), 'token');
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const manifest = JSON.stringify({ schemaVersion: 2, layers: [] });

test('a manifest that is asked for by its digest must be the one', async () => {
  const pull = await answering(manifest);
  const own = digestOf(manifest);
  expect(await pull.manifest({ repository: 'app', reference: own })).toEqual({
    digest: own,
    layers: [],
  });
  for (const algorithm of ['sha256', 'sha512']) {
    const length = algorithm === 'sha256' ? 64 : 128;
    const reference = `${algorithm}:${'0'.repeat(length)}`;
    await expect(pull.manifest({ repository: 'app', reference })).rejects.toThrow(
      'is not what its digest says',
    );
  }
});
