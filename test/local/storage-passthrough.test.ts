import http from 'node:http';
import {
  BlobSASPermissions,
  BlobServiceClient,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createStoragePassthrough,
  type PassthroughTarget,
  type StoragePassthrough,
} from '../../local/storage-passthrough.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';

const putBlock = `comp=block&blockid=${btoa('block-0')}&`;
const bytes = Buffer.alloc(3_000_000, 'layer');

let azurite: TestAzurite;
let credential: StorageSharedKeyCredential;

beforeAll(async () => {
  azurite = await startTestAzurite();
  credential = new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey);
  const container = new BlobServiceClient(azurite.blobUrl, credential).getContainerClient(
    'content',
  );
  await container.create();
  await new BlobServiceClient(azurite.blobUrl, credential).createContainer('staging');
  await container.getBlockBlobClient('a/layer').upload(bytes, bytes.length);
});
afterAll(() => azurite.stop());

/** Path and query of a blob, signed for the given permissions. */
function signed(blobName: string, permissions: string, query = '', container = 'content'): string {
  const sas = generateBlobSASQueryParameters(
    {
      containerName: container,
      blobName,
      permissions: BlobSASPermissions.parse(permissions),
      expiresOn: new Date(Date.now() + 60_000),
    },
    credential,
  );
  return `/${azurite.accountName}/${container}/${blobName}?${query}${sas.toString()}`;
}

interface Served {
  readonly url: string;
  stop(): Promise<void>;
}

/** The passthrough on a port of its own; what it does not own is answered with `registry`. */
async function serve(target: PassthroughTarget): Promise<Served> {
  const passthrough: StoragePassthrough = createStoragePassthrough(target);
  const server = http.createServer((request, response) => {
    if (passthrough.owns(request)) passthrough.handle(request, response);
    else response.end('registry');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      passthrough.stop();
    },
  };
}

describe.each([
  { way: 'by giving the connection away', target: () => azurite },
  { way: 'by passing the bytes on', target: () => ({ blobUrl: azurite.blobUrl }) },
])('storage on the registry’s address, $way,', ({ way, target }) => {
  let served: Served;
  beforeAll(async () => {
    served = await serve(target());
  });
  afterAll(() => served.stop());

  it('serves a signed read, ranges too, as storage itself does', async () => {
    const whole = await fetch(served.url + signed('a/layer', 'r'));
    const range = await fetch(served.url + signed('a/layer', 'r'), {
      headers: { range: 'bytes=5-9' },
    });
    expect(whole.status).toBe(200);
    expect(bytes.equals(Buffer.from(await whole.arrayBuffer()))).toBe(true);
    expect(whole.headers.get('etag')).toMatch(/^"0x/);
    expect([range.status, await range.text()]).toEqual([206, 'layer']);
  });

  it('answers HEAD', async () => {
    const response = await fetch(served.url + signed('a/layer', 'r'), { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('3000000');
  });

  it('does not hand the registry’s credentials on, which clients send along', async () => {
    const response = await fetch(served.url + signed('a/layer', 'r'), {
      headers: { authorization: 'Bearer registry-token' },
    });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  });

  it('serves many at once between requests for the registry, on connections kept alive', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
    const get = (path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        http
          .get(served.url + path, { agent }, (response) => {
            let received = 0;
            response.on('data', (chunk: Buffer) => (received += chunk.length));
            response.once('end', () => resolve(received));
          })
          .once('error', reject);
      });
    const paths = Array.from({ length: 20 }, (_, index) =>
      index % 2 === 0 ? '/v2/' : signed('a/layer', 'r'),
    );
    const received = await Promise.all(paths.map(get));
    agent.destroy();
    expect(received).toEqual(paths.map((path) => (path === '/v2/' ? 8 : bytes.length)));
  });

  it('lets storage refuse a read without a signature, or with a forged one', async () => {
    const unsigned = await fetch(`${served.url}/${azurite.accountName}/content/a/layer`);
    const forged = await fetch(served.url + signed('a/layer', 'r').replace('sig=', 'sig=x'));
    expect([unsigned.status, forged.status]).toEqual([403, 403]);
    await Promise.all([unsigned.text(), forged.text()]);
  });

  it('takes a signed write of a block', async () => {
    const path = signed('b/staged', 'w', putBlock, 'staging');
    const response = await fetch(served.url + path, { method: 'PUT', body: 'bytes' });
    expect(response.status).toBe(201);
  });

  it('takes no other write, whatever its signature allows, and none to another container', async () => {
    const staged = (query: string) => signed('b/other', 'cw', query, 'staging');
    const paths = [
      signed('b/other', 'cw', putBlock),
      ...['', 'comp=blocklist&', 'comp=metadata&', `${putBlock}comp=blocklist&`].map(staged),
    ];
    const statuses = await Promise.all(
      paths.map(async (path) => (await fetch(served.url + path, { method: 'PUT' })).status),
    );
    expect(statuses).toEqual([403, 403, 403, 403, 403]);
  });

  it('takes a block for a block, whatever operation the headers speak of', async () => {
    const path = signed(`b/page-${way.length}`, 'cw', putBlock, 'staging');
    const headers = { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '512' };
    const response = await fetch(served.url + path, { method: 'PUT', headers, body: 'bytes' });
    expect(response.status).toBe(201);
    const container = new BlobServiceClient(azurite.blobUrl, credential).getContainerClient(
      'staging',
    );
    const committed: string[] = [];
    for await (const { name } of container.listBlobsFlat()) committed.push(name);
    expect(committed).toEqual([]);
  });

  it('refuses all else before storage sees it', async () => {
    const account = `${served.url}/${azurite.accountName}`;
    const statuses = await Promise.all(
      [
        [`${account}/`, 'GET'],
        [`${account}/content?restype=container&comp=list`, 'GET'],
        [`${account}/content/a/layer?comp=metadata`, 'GET'],
        [`${account}/content/a/layer`, 'PUT'],
        [`${account}/content/a/layer?sig=x`, 'DELETE'],
        [`${account}/content/a/layer?sig=x`, 'POST'],
      ].map(async ([url = '', method = '']) => (await fetch(url, { method })).status),
    );
    expect(statuses).toEqual([404, 404, 403, 403, 403, 403]);
  });
});

it('answers 502 when storage is gone', async () => {
  const served = await serve({ blobUrl: 'http://127.0.0.1:1/testaccount' });
  const response = await fetch(served.url + signed('a/layer', 'r'));
  expect(response.status).toBe(502);
  await served.stop();
});
