import { beforeAll, describe, expect, test } from 'vitest';
import { digestOf, expectProblem, header, image, json } from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile({ LIGHTER_ANONYMOUS_PULL: 'public/*,exact' });
const digest = digestOf('x');

beforeAll(async () => {
  for (const repository of ['public/app', 'exact', 'private/app']) {
    await registry().client.pushImage(repository, 'latest');
  }
});

describe('end-1: GET /v2/', () => {
  test.each(['/v2/', '/v2'])('%s says that this is a registry', async (path) => {
    const answer = await registry().client.send('GET', path);
    expect(answer.status).toBe(200);
    expect(header(answer, 'Docker-Distribution-Api-Version')).toBe('registry/2.0');
    expect((await registry().client.send('HEAD', path)).status).toBe(200);
  });

  test('says how to sign in to who has not, even where anyone may pull', async () => {
    const { anonymous, lighter } = registry();
    const answer = await anonymous.send('GET', '/v2/');
    expectProblem(answer, 401, 'UNAUTHORIZED');
    expect(header(answer, 'WWW-Authenticate')).toBe(
      `Bearer realm="${lighter.url}/oauth2/token",service="${lighter.host}"`,
    );
  });
});

describe('names', () => {
  test.each([
    'blobs',
    'manifests/app',
    'a/manifests',
    'a/blobs',
    'a/tags',
    'a/blobs/uploads',
    'blobs/uploads',
    'uploads/blobs/uploads/manifests/tags/list/referrers',
    'tags/list',
    'a/tags/list',
    'v2/v2',
    'referrers/a',
    'a--b/c__d/e.f',
    `${'n'.repeat(127)}/${'n'.repeat(127)}`,
  ])('%s is a repository like any other', async (repository) => {
    const { client } = registry();
    const config = await client.blob(repository, '{}');
    const location = await client.startUpload(repository);
    await client.send('PATCH', location, { body: 'layer' });
    const put = await client.send('PUT', `${location}?digest=${digestOf('layer')}`);
    expect(header(put, 'Location')).toBe(`/v2/${repository}/blobs/${digestOf('layer')}`);
    const layer = await client.blob(repository, 'layer');
    const manifest = image({ config, layers: [layer] });
    for (const reference of ['uploads', 'list', digestOf(json(manifest))]) {
      expect((await client.putManifest(repository, reference, manifest)).status).toBe(201);
      const got = await client.send('GET', `/v2/${repository}/manifests/${reference}`);
      expect(got.body.equals(json(manifest))).toBe(true);
    }
    const blob = await client.send('GET', `/v2/${repository}/blobs/${layer.digest}`);
    expect(blob.body.toString()).toBe('layer');
    const tags = await client.send('GET', `/v2/${repository}/tags/list`);
    expect(JSON.parse(tags.body.toString())).toEqual({
      name: repository,
      tags: ['list', 'uploads'],
    });
    const referrers = await client.send('GET', `/v2/${repository}/referrers/${layer.digest}`);
    expect(referrers.status).toBe(200);
    const catalog = await client.send('GET', '/v2/_catalog');
    expect(JSON.parse(catalog.body.toString()).repositories).toContain(repository);
    const gone = await client.send(
      'DELETE',
      `/v2/${repository}/manifests/${digestOf(json(manifest))}`,
    );
    expect(gone.status).toBe(202);
  });

  test('a percent-encoded slash, colon or letter is the same name', async () => {
    const { client } = registry();
    for (const path of [
      '/v2/public%2Fapp/manifests/latest',
      '/v2/public%2fapp/manifests/latest',
      '/v2/%70ublic/app/manifests/lates%74',
    ]) {
      expect((await client.send('GET', path)).status).toBe(200);
    }
    const head = await client.send('HEAD', '/v2/public/app/manifests/latest');
    const encoded = header(head, 'Docker-Content-Digest').replace(':', '%3A');
    expect((await client.send('GET', `/v2/public/app/manifests/${encoded}`)).status).toBe(200);
  });

  test.each([
    'Upper',
    'white%20space',
    '-dash',
    'dash-',
    'a__',
    'a/_b',
    'a//b',
    'a..b',
    'a___b',
    '%C3%A4',
    'a%00b',
    "a'b",
    'a%5Cb',
    'a%23b',
    'a%3Fb',
    'a%25b',
    'n'.repeat(256),
  ])('%s is refused', async (name) => {
    const { client } = registry();
    for (const [method, rest] of [
      ['GET', 'manifests/latest'],
      ['PUT', 'manifests/latest'],
      ['GET', `blobs/${digest}`],
      ['POST', 'blobs/uploads/'],
      ['GET', 'tags/list'],
      ['GET', `referrers/${digest}`],
    ] as const) {
      const answer = await client.send(method, `/v2/${name}/${rest}`);
      // The host itself refuses a NUL.
      if (name.includes('%00') && answer.status === 400 && answer.body.byteLength === 0) continue;
      expectProblem(answer, 400, 'NAME_INVALID');
    }
  });
});

describe('methods and routes', () => {
  test.each([
    ['/v2/', 'POST', 'GET, HEAD'],
    ['/v2/', 'DELETE', 'GET, HEAD'],
    ['/v2/a/b/manifests/latest', 'POST', 'GET, HEAD, PUT, DELETE'],
    ['/v2/a/b/manifests/latest', 'PATCH', 'GET, HEAD, PUT, DELETE'],
    [`/v2/a/b/blobs/${digest}`, 'PUT', 'GET, HEAD, DELETE'],
    [`/v2/a/b/blobs/${digest}`, 'POST', 'GET, HEAD, DELETE'],
    ['/v2/a/b/blobs/uploads/', 'HEAD', 'POST, PATCH, PUT, GET, DELETE'],
    ['/v2/a/b/tags/list', 'DELETE', 'GET'],
    ['/v2/a/b/tags/list', 'POST', 'GET'],
    [`/v2/a/b/referrers/${digest}`, 'PUT', 'GET'],
    ['/v2/_catalog', 'POST', 'GET'],
    ['/v1/search', 'DELETE', 'GET'],
    ['/oauth2/token', 'PUT', 'GET, POST'],
    ['/healthz', 'POST', 'GET, HEAD'],
    ['/', 'PUT', 'GET, HEAD'],
    ['/.well-known/jwks.json', 'PUT', 'GET'],
    ['/v2/a/b/manifests/latest', 'OPTIONS', 'GET, HEAD, PUT, DELETE'],
  ])('%s has no %s, and says what it has', async (path, method, allowed) => {
    const answer = await registry().client.send(method, path);
    expect(answer.status).toBe(405);
    expect(header(answer, 'Allow')).toBe(allowed);
    if (method !== 'HEAD') expectProblem(answer, 405, 'UNSUPPORTED');
  });

  test.each([
    '/favicon.ico',
    '/v1/',
    '/v2/a',
    '/v2/a/b',
    '/v2/a/b/manifests',
    '/v2/a/b/manifests/',
    '/v2/a/b/blobs/',
    '/v2/a/b/tags',
    '/v2/a/b/tags/list/',
    '/v2/a/b/referrers/',
    '/v2/manifests/latest',
    '/v3/a/b/manifests/latest',
    '/api/v2/',
  ])('%s is no route', async (path) => {
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      expectProblem(await registry().client.send(method, path), 404, 'UNSUPPORTED');
    }
  });

  test('every answer carries the version of the API and a request id', async () => {
    for (const path of ['/v2/', '/v2/none/tags/list', '/nothing']) {
      const answer = await registry().client.send('GET', path);
      expect(header(answer, 'Docker-Distribution-Api-Version')).toBe('registry/2.0');
      expect(header(answer, 'X-Ms-Correlation-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('the root greets a browser', async () => {
    const { anonymous, lighter } = registry();
    const answer = await anonymous.send('GET', '/');
    expect([answer.status, header(answer, 'Content-Type')]).toEqual([200, 'text/plain']);
    expect(answer.body.toString()).toBe(
      `Lighter, a container registry: docker login ${lighter.host}\n`,
    );
    expect((await anonymous.send('HEAD', '/')).status).toBe(200);
  });

  test('healthz is open and says ok', async () => {
    const answer = await registry().anonymous.send('GET', '/healthz');
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body.toString()).toBe('ok\n');
  });
});

describe('anonymous pull', () => {
  test.each(['public/app', 'exact'])('%s may be pulled by anyone', async (repository) => {
    const { anonymous } = registry();
    const got = await anonymous.send('GET', `/v2/${repository}/manifests/latest`);
    expect(got.status).toBe(200);
    const { config }: { config: { digest: string } } = JSON.parse(got.body.toString());
    const blob = await anonymous.send('GET', `/v2/${repository}/blobs/${config.digest}`);
    expect(blob.body.toString()).toBe('{}');
    expect((await anonymous.send('GET', `/v2/${repository}/tags/list`)).status).toBe(200);
  });

  test.each(['private/app', 'public', 'exact/more', 'publicity/app'])(
    '%s may not',
    async (repository) => {
      const { anonymous } = registry();
      for (const rest of [
        'manifests/latest',
        `blobs/${digest}`,
        'tags/list',
        `referrers/${digest}`,
      ]) {
        const answer = await anonymous.send('GET', `/v2/${repository}/${rest}`);
        expectProblem(answer, 401, 'UNAUTHORIZED');
        expect(header(answer, 'WWW-Authenticate')).toContain(
          `scope="repository:${repository}:pull"`,
        );
      }
    },
  );

  test('nobody may push or delete without a credential', async () => {
    const { anonymous } = registry();
    for (const [method, rest] of [
      ['POST', 'blobs/uploads/'],
      ['PUT', 'manifests/latest'],
      ['DELETE', 'manifests/latest'],
      ['DELETE', `blobs/${digest}`],
    ] as const) {
      const answer = await anonymous.send(method, `/v2/public/app/${rest}`);
      expectProblem(answer, 401, 'UNAUTHORIZED');
    }
  });
});
