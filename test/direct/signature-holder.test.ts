import { createHash, randomBytes } from 'node:crypto';
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob';
import { describe, expect, it } from 'vitest';
import { tablesOf } from '../auth/registry-tables.ts';
import { digestOf, expectProblem } from '../http/client.ts';
import { registryOfFile, type TestRegistry } from '../http/registry.ts';
import { clientOf, DirectClient, imageOf, putBlock } from './direct-client.ts';

/*
 * What a holder of the URL tries besides the one write it is for, during its life and after. In
 * Azure the URL is signed down to Put Block of one block (`srq`), which Azurite does not know: here
 * storage lets him do all of it, which is the worst case, and nothing that is served may change.
 */

const registry = registryOfFile();
let repositories = 0;

interface Push {
  readonly push: DirectClient;
  readonly config: Buffer;
  readonly layer: Buffer;
  readonly manifest: object;
  /** Where storage itself answers the URL of the layer: what an attacker on its network has. */
  readonly storageUrl: URL;
}

async function start(layerBytes = 4000): Promise<Push> {
  const repository = `holder/r${repositories++}`;
  const push = new DirectClient(await clientOf(registry(), 'pusher', repository), repository);
  const [config, layer] = [randomBytes(100), randomBytes(layerBytes)];
  await push.put(config);
  const url = new URL(await push.start());
  const { blobUrl } = registry().azurite;
  const storageUrl = new URL(new URL(blobUrl).origin + url.pathname + url.search);
  return { push, config, layer, manifest: imageOf(config, [layer]), storageUrl };
}

/** The URL with another operation in place of Put Block. */
function operation(url: URL, parameters: Readonly<Record<string, string>>): URL {
  const other = new URL(url);
  for (const name of ['comp', 'blockid']) other.searchParams.delete(name);
  for (const [name, value] of Object.entries(parameters)) other.searchParams.set(name, value);
  return other;
}

async function send(
  method: string,
  url: URL,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Promise<number> {
  const version = { 'x-ms-version': '2023-11-03' };
  const response = await fetch(url, {
    method,
    headers: { ...version, ...headers },
    ...(method === 'GET' || method === 'HEAD' ? {} : { body }),
  });
  await response.arrayBuffer();
  return response.status;
}

const otherBlock = Buffer.from('another-block-of-24-char').toString('base64');
const blockList = (id: string | null) =>
  `<?xml version="1.0"?><BlockList><Latest>${id}</Latest></BlockList>`;
const digestMetadata = (bytes: Uint8Array) => ({ 'x-ms-meta-digest': digestOf(bytes) });

/** What Azurite answers to each attempt on a committed blob, and on an uncommitted one. */
const answers: Readonly<Record<string, readonly [number, number]>> = {
  'Put Block again, other bytes': [201, 201],
  'Put Block of another block': [201, 201],
  'Put Block List': [201, 201],
  'Put Blob': [201, 201],
  'Put Blob with Content-Encoding and a type': [201, 201],
  'Put Blob with a victim’s digest': [201, 201],
  'Put Blob of an append blob': [201, 201],
  'Put Blob of a page blob': [201, 201],
  'Snapshot Blob': [201, 404],
  'Set Blob Metadata': [200, 404],
  'Set Blob Properties': [200, 404],
  'Lease Blob for ever': [201, 201],
  'Set Blob Tier to Archive': [200, 404],
  'Undelete Blob': [501, 501],
};

/** Everything `sp=w` may be good for. Answers storage's status. */
const attempts: Readonly<Record<string, (url: URL, victim: Buffer) => Promise<number>>> = {
  'Put Block again, other bytes': async (url) =>
    (await putBlock(url.href, Buffer.from('x'))).status,
  'Put Block of another block': (url) =>
    send('PUT', operation(url, { comp: 'block', blockid: otherBlock }), {}, 'other'),
  'Put Block List': (url) =>
    send(
      'PUT',
      operation(url, { comp: 'blocklist' }),
      {},
      blockList(url.searchParams.get('blockid')),
    ),
  'Put Blob': (url) => send('PUT', operation(url, {}), { 'x-ms-blob-type': 'BlockBlob' }, 'mine'),
  'Put Blob with Content-Encoding and a type': (url) =>
    send(
      'PUT',
      operation(url, {}),
      {
        'x-ms-blob-type': 'BlockBlob',
        'x-ms-blob-content-encoding': 'gzip',
        'x-ms-blob-content-type': 'text/html',
      },
      'mine',
    ),
  'Put Blob with a victim’s digest': (url, victim) =>
    send(
      'PUT',
      operation(url, {}),
      { 'x-ms-blob-type': 'BlockBlob', ...digestMetadata(victim) },
      'mine',
    ),
  'Put Blob of an append blob': (url) =>
    send('PUT', operation(url, {}), { 'x-ms-blob-type': 'AppendBlob' }),
  'Put Blob of a page blob': (url) =>
    send('PUT', operation(url, {}), {
      'x-ms-blob-type': 'PageBlob',
      'x-ms-blob-content-length': '512',
    }),
  'Snapshot Blob': (url) => send('PUT', operation(url, { comp: 'snapshot' })),
  'Set Blob Metadata': (url, victim) =>
    send('PUT', operation(url, { comp: 'metadata' }), digestMetadata(victim)),
  'Set Blob Properties': (url) =>
    send('PUT', operation(url, { comp: 'properties' }), {
      'x-ms-blob-content-encoding': 'gzip',
      'x-ms-blob-content-type': 'text/html',
    }),
  'Lease Blob for ever': (url) =>
    send('PUT', operation(url, { comp: 'lease' }), {
      'x-ms-lease-action': 'acquire',
      'x-ms-lease-duration': '-1',
    }),
  'Set Blob Tier to Archive': (url) =>
    send('PUT', operation(url, { comp: 'tier' }), { 'x-ms-access-tier': 'Archive' }),
  'Undelete Blob': (url) => send('PUT', operation(url, { comp: 'undelete' })),
};

/** What `sp=w` is not good for. */
const refused: Readonly<Record<string, (url: URL) => Promise<number>>> = {
  'Get Blob': (url) => send('GET', operation(url, {})),
  'Get Blob Properties': (url) => send('HEAD', operation(url, {})),
  'Get Block List': (url) => send('GET', operation(url, { comp: 'blocklist' })),
  'Set Blob Tags': (url) =>
    send('PUT', operation(url, { comp: 'tags' }), {}, '<Tags><TagSet></TagSet></Tags>'),
  'Delete Blob': (url) => send('DELETE', operation(url, {})),
  'Put Block to another blob': (url) => {
    const other = new URL(url);
    other.pathname += '0';
    return send('PUT', other, {}, 'x');
  },
  'Put Block to the layer’s container': (url) => {
    const other = new URL(url);
    other.pathname = other.pathname.replace('/staging/', '/content/');
    return send('PUT', other, {}, 'x');
  },
  'a longer life': (url) => {
    const other = new URL(url);
    other.searchParams.set('se', new Date(Date.now() + 3_600_000).toISOString().slice(0, 19) + 'Z');
    return send('PUT', other, {}, 'x');
  },
  'more permissions': (url) => {
    const other = new URL(url);
    other.searchParams.set('sp', 'rwd');
    return send('PUT', other, {}, 'x');
  },
};

describe.each(Object.entries(attempts))('a holder of the URL who tries %s', (name, attempt) => {
  it('after publication changes nothing that is served', async () => {
    const { push, config, layer, manifest, storageUrl } = await start();
    await putBlock(storageUrl.href, layer);
    expect((await push.putManifest('v1', manifest)).status).toBe(201);
    const victim = randomBytes(10);
    expect(await attempt(storageUrl, victim)).toBe(answers[name]?.[0]);

    await expectServed(push, layer);
    expect((await push.putManifest('v2', imageOf(config, [layer]))).status).toBe(201);
    expect((await push.head(digestOf(victim))).status).toBe(404);
    await expectServed(push, layer);
  });

  it('before the manifest gets his own bytes published at most, and nothing wrong', async () => {
    const { push, layer, manifest, storageUrl } = await start();
    await putBlock(storageUrl.href, layer);
    const victim = randomBytes(10);
    expect(await attempt(storageUrl, victim)).toBe(answers[name]?.[1]);

    const answer = await push.putManifest('v1', manifest);
    if (answer.status === 201) await expectServed(push, layer);
    else expectProblem(answer, 404, 'MANIFEST_BLOB_UNKNOWN');
    expect((await push.head(digestOf(victim))).status).toBe(404);

    // And he is not locked out: the layer can be sent again.
    await push.put(layer);
    expect((await push.putManifest('v1', manifest)).status).toBe(201);
    await expectServed(push, layer);
  });
});

describe('storage refuses a holder of the URL', () => {
  it.each(Object.entries(refused))('%s', async (_, attempt) => {
    const { storageUrl, layer } = await start();
    await putBlock(storageUrl.href, layer);
    expect(await attempt(storageUrl)).toBeGreaterThanOrEqual(403);
  });

  it('once its time is over', async () => {
    const { storageUrl } = await start();
    expect(await expired(registry(), storageUrl)).toBe(403);
  });
});

/** Its row says what lies at its name; of an upload through the registry, what was sent so far. */
it('a direct upload takes no bytes through the registry, from who works out its id either', async () => {
  const { push } = await start();
  const partition = push.repository.replace('/', '.');
  const sessions = { from: 'u:d:', before: 'u:d;' };
  const rows = await tablesOf(registry().azurite).list('repo', partition, sessions);
  const ids = rows.map(({ rowKey }) => rowKey.slice(2));
  expect(ids).toHaveLength(2);
  for (const id of ids.flatMap((each) => [each, encodeURIComponent(each)])) {
    const target = `/v2/${push.repository}/blobs/uploads/${id}`;
    const headers = { 'Content-Type': 'application/octet-stream' };
    const patched = await push.client.send('PATCH', target, { headers, body: 'bytes' });
    expectProblem(patched, 404, 'BLOB_UPLOAD_UNKNOWN');
    const put = `${target}?digest=${digestOf(Buffer.from('bytes'))}`;
    expectProblem(
      await push.client.send('PUT', put, { headers, body: 'bytes' }),
      404,
      'BLOB_UPLOAD_UNKNOWN',
    );
    expectProblem(await push.client.send('DELETE', target, {}), 404, 'BLOB_UPLOAD_UNKNOWN');
  }
});

it('the registry’s own address takes nothing but the one operation', async () => {
  const { push, layer } = await start();
  const url = new URL(await push.put(layer));
  for (const [name, attempt] of Object.entries(attempts)) {
    if (!name.startsWith('Put Block') || name === 'Put Block List') {
      expect(await attempt(url, layer), name).toBe(403);
    }
  }
});

/** Sends the write with the same signature made for a time that is over. */
async function expired({ azurite }: TestRegistry, url: URL): Promise<number> {
  const { generateBlobSASQueryParameters, BlobSASPermissions } =
    await import('@azure/storage-blob');
  const [, , container = '', ...path] = url.pathname.split('/');
  const sas = generateBlobSASQueryParameters(
    {
      containerName: container,
      blobName: path.join('/'),
      permissions: BlobSASPermissions.parse('w'),
      startsOn: new Date(Date.now() - 1_200_000),
      expiresOn: new Date(Date.now() - 1000),
    },
    new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey),
  );
  const operationOnly = `comp=block&blockid=${url.searchParams.get('blockid')}`;
  return await send(
    'PUT',
    new URL(`${url.origin}${url.pathname}?${operationOnly}&${sas.toString()}`),
  );
}

/** The layer as a client gets it, with the headers of bytes that are nobody's page. */
async function expectServed(push: DirectClient, layer: Buffer): Promise<void> {
  expect((await push.get(digestOf(layer))).equals(layer)).toBe(true);
  const { azurite } = registry();
  const service = new BlobServiceClient(
    azurite.blobUrl,
    new StorageSharedKeyCredential(azurite.accountName, azurite.accountKey),
  );
  const content = service.getContainerClient('content');
  let found = 0;
  for await (const { name, metadata } of content.listBlobsFlat({ includeMetadata: true })) {
    if (metadata?.['digest'] !== digestOf(layer)) continue;
    const blob = content.getBlobClient(name);
    const bytes = await blob.downloadToBuffer();
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(digestOf(layer).slice(7));
    const { contentEncoding, contentType, blobType, leaseState } = await blob.getProperties();
    expect({ contentEncoding, contentType, blobType, leaseState }).toEqual({
      contentEncoding: undefined,
      contentType: 'application/octet-stream',
      blobType: 'BlockBlob',
      leaseState: 'available',
    });
    found += 1;
  }
  expect(found).toBeGreaterThan(0);
}
