import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import { BlobServiceClient, type UserDelegationKey } from '@azure/storage-blob';
import { ManagedIdentityCredential } from '@azure/identity';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import { newStagingName, stagingOwnerOf } from '../../shared/domain/staging-name.ts';
import type { StagingStore } from '../../shared/ports/staging-store.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import {
  makeTestCertificate,
  type TestCertificate,
  trustCertificate,
} from '../harness/certificate.ts';
import { startTestManagedIdentity, type TestManagedIdentity } from '../harness/managed-identity.ts';

/*
 * What Azurite does not know (signed query parameters, Put Blob From URL), as requests that Azure's
 * documentation describes. None of it was seen to work on Azure itself.
 */

const blockId = '0123456789abcdef01234567';
let certificate: TestCertificate;
let distrust: () => void;
let identity: TestManagedIdentity;

beforeAll(async () => {
  certificate = await makeTestCertificate();
  distrust = trustCertificate(certificate.certificate);
  identity = await startTestManagedIdentity();
});
afterAll(async () => {
  await identity.stop();
  distrust();
  await certificate.remove();
});

const storeAt = (blobUrl: string, stagingBlobUrl?: string): StagingStore =>
  connectStorage({
    blobUrl,
    tableUrl: blobUrl,
    stagingBlobUrl,
    credential: { kind: 'identity', clientId: undefined },
  }).staging;

describe('a URL that writes a block, signed with a user delegation key,', () => {
  let azurite: TestAzurite;
  let url: URL;
  let key: UserDelegationKey;
  const name = newStagingName(stagingOwnerOf('pusher'), new Date());

  beforeAll(async () => {
    azurite = await startTestAzurite({ tls: { ...certificate, acceptsBearer: true } });
    const staging = storeAt(azurite.blobUrl);
    url = new URL(await staging.signedBlockUrl(name, blockId, { sasTtlSeconds: 900 }));
    // Azurite derives a key from its times, so that the same times give the same key again.
    const client = new BlobServiceClient(azurite.blobUrl, new ManagedIdentityCredential());
    const time = (parameter: string) => new Date(url.searchParams.get(parameter) ?? '');
    key = await client.getUserDelegationKey(time('skt'), time('ske'));
  });
  afterAll(() => azurite.stop());

  it('is for one operation, one block, writing, HTTPS, 5 minutes ago until in 15', () => {
    const query = url.searchParams;
    expect(Object.fromEntries(query)).toMatchObject({
      comp: 'block',
      blockid: Buffer.from(blockId).toString('base64'),
      sv: '2026-04-06',
      sr: 'b',
      sp: 'w',
      spr: 'https',
      srq: 'comp,blockid',
    });
    const [start, end] = ['st', 'se'].map((time) => Date.parse(query.get(time) ?? ''));
    expect(Math.abs((start ?? 0) - (Date.now() - 300_000))).toBeLessThan(30_000);
    expect(Math.abs((end ?? 0) - (Date.now() + 900_000))).toBeLessThan(30_000);
    expect(query.get('blockid')).toMatch(/^[A-Za-z0-9]{32}$/);
  });

  it('has the signature of the documented string, the parameters and their values in it', () => {
    const query = url.searchParams;
    const value = (parameter: string) => query.get(parameter) ?? '';
    const stringToSign = [
      'w',
      value('st'),
      value('se'),
      `/blob/${azurite.accountName}/staging/${name.replaceAll('-', '/')}`,
      value('skoid'),
      value('sktid'),
      value('skt'),
      value('ske'),
      'b',
      value('skv'),
      '\n\n\n\n', // saoid, suoid, scid, skdutid, sduoid
      '', // sip
      'https',
      '2026-04-06',
      'b',
      '', // snapshot
      '', // ses
      '', // srh
      `\ncomp:block\nblockid:${value('blockid')}`,
      '\n\n\n\n', // rscc, rscd, rsce, rscl, rsct
    ].join('\n');
    const signature = createHmac('sha256', Buffer.from(key.value, 'base64'))
      .update(stringToSign)
      .digest('base64');
    expect(url.searchParams.get('sig')).toBe(signature);
  });

  it('keeps its signature when a client sorts the query and adds its own', () => {
    const query = new URLSearchParams(url.search);
    query.set('digest', 'sha256:00');
    query.sort();
    const again = new URLSearchParams(query.toString());
    for (const [parameter, value] of url.searchParams) expect(again.get(parameter)).toBe(value);
  });
});

describe('Put Blob From URL', () => {
  interface Seen {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingHttpHeaders;
  }
  const seen: Seen[] = [];
  let answers: { status: number; code: string }[] = [];
  let server: https.Server;
  let endpoint: string;

  beforeAll(async () => {
    const { certFile, keyFile } = certificate;
    const [cert, key] = await Promise.all([certFile, keyFile].map((file) => readFile(file)));
    server = https.createServer({ cert, key }, (request, response) => {
      const { method = '', url: path = '', headers } = request;
      if (!path.includes('restype=container')) seen.push({ method, path, headers });
      const { status, code } = path.includes('restype=container')
        ? { status: 201, code: '' }
        : (answers.shift() ?? { status: 201, code: '' });
      const problem = `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`;
      response
        .writeHead(status, { etag: '"0x1"', 'content-type': 'application/xml' })
        .end(code === '' ? undefined : problem);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    endpoint = `https://127.0.0.1:${port}/account`;
  });
  beforeEach(() => {
    seen.length = 0;
    answers = [];
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  const name = newStagingName(stagingOwnerOf('pusher'), new Date());
  const target = newPhysicalName(new Date());
  const publish = () => storeAt(endpoint).publish(name, { etag: '"0xE"', sizeBytes: 100 }, target);

  it('is pinned to the source’s ETag and to a new name, with a token for the source', async () => {
    expect(await publish()).toBe('copied');
    const [request] = seen;
    expect(request?.method).toBe('PUT');
    expect(request?.path).toBe(`/account/content/${target.replaceAll('-', '/')}`);
    expect(request?.headers).toMatchObject({
      'x-ms-copy-source': `${endpoint}/staging/${name.replaceAll('-', '/')}`,
      'x-ms-copy-source-authorization': expect.stringMatching(/^Bearer eyJ/),
      'x-ms-source-if-match': '"0xE"',
      'x-ms-copy-source-blob-properties': 'false',
      'x-ms-blob-content-type': 'application/octet-stream',
      'x-ms-blob-type': 'BlockBlob',
      'content-length': '0',
      'if-none-match': '*',
    });
    expect(request?.headers['x-ms-meta-digest']).toBeUndefined();
  });

  it('goes from the account that staging has for itself to that of the content', async () => {
    const apart = endpoint.replace('/account', '/staged');
    const staging = storeAt(endpoint, apart);
    await staging.publish(name, { etag: '"0xE"', sizeBytes: 100 }, target);
    await staging.commit(name, blockId);
    const [copy, commit] = seen;
    expect(copy?.path).toMatch(/^\/account\/content\//);
    expect(copy?.headers['x-ms-copy-source']).toMatch(new RegExp(`^${apart}/staging/`));
    expect(commit?.path).toMatch(/^\/staged\/staging\//);
  });

  it.each([
    [{ status: 409, code: 'BlobAlreadyExists' }, 'exists'],
    [{ status: 412, code: 'SourceConditionNotMet' }, 'changed'],
    [{ status: 404, code: 'CannotVerifyCopySource' }, 'changed'],
    [{ status: 409, code: 'BlobArchived' }, 'changed'],
  ])('that answers %o means %s', async (answer, meaning) => {
    answers = [answer];
    expect(await publish()).toBe(meaning);
  });

  it('is repeated when storage did not decide', async () => {
    answers = [{ status: 503, code: 'ServerBusy' }];
    expect(await publish()).toBe('copied');
    expect(seen.length).toBe(2);
  });

  it('that may not read its source is storage’s trouble, not the pusher’s', async () => {
    answers = [{ status: 403, code: 'AuthorizationPermissionMismatch' }];
    await expect(publish()).rejects.toMatchObject({ name: 'StorageUnavailable' });
  });
});
