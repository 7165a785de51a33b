import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { admin, basic, digestOf, image, index, json, types } from './client.ts';
import {
  describe as describeRequest,
  type RawAnswer,
  type RawRequest,
  sendRaw,
} from './raw-request.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile({ LIGHTER_ANONYMOUS_PULL: 'public/*' });
const repository = 'fuzz/app';
/** Where no random DELETE hits. */
const spared = 'spared/app';
const digest = digestOf('present');

beforeAll(async () => {
  const { client } = registry();
  await client.pushBlob(repository, 'present');
  await client.pushImage(repository, 'latest');
  await client.pushImage(spared, 'latest');
});

const knownMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Whatever was sent, it was answered, and not with a failure. What reached the registry and is
 * refused has an OCI error body; the platform's own refusals, before it, have none and no request
 * id.
 */
function expectSound(answer: RawAnswer, request: RawRequest): void {
  const context = `${describeRequest(request)} → ${answer.status} ${answer.body.slice(0, 300)}`;
  expect(answer.status, context).toBeLessThan(500);
  if (answer.status < 400) return;
  if (!answer.headers.has('x-ms-correlation-request-id')) {
    expect(isWellFormed(request), context).toBe(false);
    expect([400, 404, 405, 414, 431], context).toContain(answer.status);
    return;
  }
  if (request.method === 'HEAD') return;
  expect(answer.headers.get('content-type'), context).toBe('application/json');
  const parsed: unknown = JSON.parse(answer.body);
  expect(parsed, context).toMatchObject({
    errors: [{ code: expect.stringMatching(/^[A-Z_]+$/), message: expect.stringMatching(/./) }],
  });
}

/** Whether the platform must let the request through to the registry. */
function isWellFormed({ method, target, headers }: RawRequest): boolean {
  const host = headers.find(([name]) => name === 'Host')?.[1] ?? '';
  return (
    knownMethods.includes(method) &&
    /^\/[\x21-\x7e]*$/.test(target) &&
    !/%00/.test(target) &&
    !target.replaceAll(/%2f/gi, '/').includes('//') &&
    /^[a-z0-9.-]+(:\d{1,4})?$/.test(host) &&
    headers.every(([, value]) => /^[\x20-\x7e\x80-\xff]*$/.test(value))
  );
}

async function send(request: RawRequest): Promise<RawAnswer> {
  const answer = await sendRaw(registry().lighter.url, request);
  expectSound(answer, request);
  return answer;
}

const latin1 = (options: fc.StringConstraints = {}) =>
  fc
    .string({
      unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
      ...options,
    })
    .map((text) => text.replaceAll('\x7f', ''));

const escape = fc.constantFrom(
  '%2F',
  '%2f',
  '%00',
  '%0a',
  '%0d%0a',
  '%25',
  '%252F',
  '%',
  '%2',
  '%zz',
  '%ff',
  '%C3%A4',
  '%c0%af',
  '..',
  '.',
  '%2e%2e',
  '//',
  '\\',
  "'",
  '"',
  ';',
  '?',
  '#',
  '&',
  '=',
  '+',
  '~',
  '*',
  '{}',
  '|',
  '^',
  '`',
);
const oddText = fc.oneof(
  fc.string({ maxLength: 20 }),
  latin1({ maxLength: 20 }),
  fc
    .array(fc.oneof(escape, fc.constantFrom('a', 'B', '0')), { maxLength: 6 })
    .map((parts) => parts.join('')),
  fc.constantFrom('a'.repeat(300), 'a'.repeat(3000), '-'.repeat(200)),
);
/** What may stand in a request line without ending it. */
const inTarget = (text: string) => text.replaceAll(/[^!-\u00ff]/g, '');

const name = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(repository, 'public/app', 'blobs/uploads', 'Upper/case'),
  },
  { weight: 2, arbitrary: oddText },
);
const reference = fc.oneof(
  fc.constantFrom('latest', 'none', digest, digestOf('absent'), digestOf('x', 'sha512')),
  fc.constantFrom(
    'sha256:',
    'sha256:abc',
    `sha256:${'A'.repeat(64)}`,
    'md5:abc',
    ':',
    'sha512:',
    'a:b:c',
  ),
  oddText,
);
const uploadId = fc.oneof(fc.constantFrom('', '0'.repeat(32), 'F'.repeat(32), '..'), oddText);
const path = fc.oneof(
  fc.tuple(name, reference).map(([n, r]) => `/v2/${n}/manifests/${r}`),
  fc.tuple(name, reference).map(([n, r]) => `/v2/${n}/blobs/${r}`),
  fc.tuple(name, reference).map(([n, r]) => `/v2/${n}/referrers/${r}`),
  fc.tuple(name, uploadId).map(([n, id]) => `/v2/${n}/blobs/uploads/${id}`),
  name.map((n) => `/v2/${n}/tags/list`),
  fc.constantFrom('/v2/', '/v2/_catalog', '/v1/search', '/v1/_ping', '/oauth2/token', '/token'),
  fc.constantFrom('/healthz', '/.well-known/jwks.json', '/', '/V2/', '/admin/host/status'),
  oddText.map((text) => `/${text}`),
);

const parameter = fc.tuple(
  fc.constantFrom(
    'digest',
    'mount',
    'from',
    'n',
    'last',
    'tag',
    'artifactType',
    'digest-algorithm',
    'scope',
    'service',
    'account',
    'offline_token',
    'q',
    'path',
    'code',
    'Headers',
    'QUERY',
  ),
  fc.oneof(
    fc.constantFrom(
      digest,
      repository,
      '1',
      '-1',
      '0',
      'sha512',
      'x',
      '',
      `repository:${repository}:pull,push`,
      'registry:catalog:*',
    ),
    fc
      .constantFrom(
        '{}',
        '[]',
        'null',
        '1',
        '"x"',
        '{"a":1}',
        '{"authorization":"Basic x"}',
        '{"a b":"c"}',
        '{"a":"\\n"}',
        '{"content-length":"5"}',
        '{"host":"x"}',
        '{"a":null}',
        '{',
      )
      .map(encodeURIComponent),
    oddText,
    oddText.map((text) => encodeURIComponent(text.toWellFormed())),
  ),
);
const query = fc
  .array(parameter, { maxLength: 3 })
  .map((pairs) =>
    pairs.length === 0 ? '' : `?${pairs.map(([key, value]) => `${key}=${value}`).join('&')}`,
  );

const authorization = fc.oneof(
  { weight: 6, arbitrary: fc.constant(admin) },
  {
    weight: 4,
    arbitrary: fc.oneof(
      fc.constantFrom(
        '',
        'Basic',
        'Basic ',
        'Bearer',
        'Bearer ',
        'Basic !!!',
        'Basic Og==',
        'Negotiate x',
        'Bearer a.b.c',
      ),
      fc.constantFrom(
        basic('admin', 'wrong'),
        basic('', ''),
        basic('00000000-0000-0000-0000-000000000000', 'x'),
      ),
      fc.tuple(fc.string(), fc.string()).map(([user, password]) => basic(user, password)),
      fc.jsonValue().map((value) => {
        const part = Buffer.from(JSON.stringify(value)).toString('base64url');
        return `Bearer ${part}.${part}.${part}`;
      }),
      latin1(),
    ),
  },
);
const range = fc.oneof(
  fc.constantFrom(
    'bytes=0-',
    'bytes=-1',
    'bytes=5-1',
    'bytes=0-0,2-3',
    `bytes=${'0-0,'.repeat(500)}`,
    'bytes=99999999999999999999-',
  ),
  latin1(),
);
const header = fc.oneof(
  fc.tuple(fc.constant('Range'), range),
  fc.tuple(
    fc.constant('Content-Range'),
    fc.oneof(
      fc.constantFrom('0-6', '7-9', '5-1', 'bytes 0-6/7', '0-99999999999999999999'),
      latin1(),
    ),
  ),
  fc.tuple(
    fc.constant('Content-Type'),
    fc.oneof(
      fc.constantFrom(...Object.values(types), 'application/x-www-form-urlencoded', 'text/plain'),
      latin1(),
    ),
  ),
  fc.tuple(
    fc.constantFrom('If-Match', 'If-None-Match'),
    fc.oneof(fc.constantFrom('*', `"${digest}"`, '"', 'W/"x"', ''), latin1()),
  ),
  fc.tuple(
    fc.constantFrom(
      'Accept',
      'User-Agent',
      'Cookie',
      'X-Forwarded-Host',
      'X-Forwarded-Proto',
      'X-MS-CLIENT-PRINCIPAL',
      'OCI-Chunk-Min-Length',
    ),
    latin1(),
  ),
);

const body = fc.oneof(
  fc
    .constantFrom(
      'present',
      '{}',
      '[]',
      'null',
      '{"Headers":{"a b":"c"}}',
      '{"Headers":{}}',
      '{"headers":"x","path":1}',
      '{"schemaVersion":2',
      '{"a":'.repeat(10_000),
    )
    .map((text) => Buffer.from(text)),
  fc.jsonValue().map((value) => json({ value })),
  fc
    .record(
      {
        schemaVersion: fc.jsonValue(),
        mediaType: fc.oneof(fc.constantFrom(...Object.values(types)), fc.jsonValue()),
        config: fc.jsonValue(),
        layers: fc.jsonValue(),
        manifests: fc.jsonValue(),
        subject: fc.jsonValue(),
        annotations: fc.jsonValue(),
      },
      { requiredKeys: [] },
    )
    .map(json),
  fc.constantFrom(
    json(image({ layers: [{ digest: digestOf('absent'), size: 1 }] })),
    json(index([])),
  ),
  fc
    .constantFrom(
      'grant_type=password&username=admin&password=x',
      'grant_type=refresh_token&refresh_token=x',
      'grant_type=%',
      'grant_type=password&grant_type=password',
      'scope=%ff&grant_type=password',
    )
    .map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
);

const anyRequest: fc.Arbitrary<RawRequest> = fc
  .record({
    method: fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE') },
      {
        weight: 1,
        arbitrary: fc.constantFrom('OPTIONS', 'TRACE', 'PROPFIND', 'get', 'M-SEARCH', 'X'),
      },
    ),
    path,
    query,
    authorization: fc.option(authorization),
    headers: fc.array(header, { maxLength: 3 }),
    body: fc.option(body, { nil: undefined }),
    chunked: fc.boolean(),
  })
  .map(({ method, path: text, query: search, authorization: credential, headers, ...rest }) => ({
    method,
    target: inTarget(text + search),
    headers: [
      ['Host', 'registry.example.com:5080'],
      ...(credential === null ? [] : [['Authorization', credential.trim()] as const]),
      ...headers.map(([key, value]) => [key, value.trim()] as const),
    ],
    ...rest,
  }));

test('whatever is sent is answered, never with a 5xx, and refused with an OCI error body', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRequest, { minLength: 8, maxLength: 12 }), async (requests) => {
      await Promise.all(requests.map(send));
    }),
    { numRuns: 150, interruptAfterTimeLimit: 12_000, endOnFailure: true },
  );
}, 40_000);

describe('headers replaced through the query or the body, as the platform lets callers', () => {
  const get = (search: string, headers: RawRequest['headers'] = [['Authorization', admin]]) =>
    send({
      method: 'GET',
      target: `/v2/${spared}/manifests/latest${search}`,
      headers: [['Host', registry().lighter.host], ...headers],
      body: undefined,
    });

  test.each(['Headers', 'headers', 'HEADERS'])('?%s={} takes the credential away', async (key) => {
    expect((await get(`?${key}={}`)).status).toBe(401);
  });

  test('a credential given there counts for no more than itself', async () => {
    const given = (authorization: string) =>
      get(`?Headers=${encodeURIComponent(JSON.stringify({ authorization }))}`, []);
    expect((await given(basic('admin', 'wrong'))).status).toBe(401);
    expect((await given('Bearer x')).status).toBe(401);
  });

  test.each([
    '{"a b":"c"}',
    '{"a":"b\\r\\nc: d"}',
    '{"a":"\\u0000"}',
    '{"":""}',
    '{"ä":"x"}',
    '{"x":"€"}',
    '[1]',
    '[["a","b","c"]]',
    '"text"',
    'null',
    '{',
  ])('?Headers=%s is answered', async (value) => {
    const answer = await get(`?Headers=${encodeURIComponent(value)}`);
    expect(answer.status).toBeLessThan(500);
  });

  test('a manifest with a field called Headers is answered', async () => {
    for (const Headers of [{}, { 'a b': 'c' }, 'text', [1]]) {
      const answer = await send({
        method: 'PUT',
        target: `/v2/${repository}/manifests/spoof`,
        headers: [
          ['Host', registry().lighter.host],
          ['Authorization', admin],
        ],
        body: json(index([], { Headers })),
      });
      expect([201, 401]).toContain(answer.status);
    }
  });

  test('parameters named after parts of the route change nothing', async () => {
    for (const search of ['?path=other', '?PATH=x&name=y', '?digest=z', '?query=1&Query=2']) {
      expect((await get(search)).status).toBe(200);
    }
  });
});

describe('the Host header', () => {
  test.each([
    '',
    ' ',
    'a b',
    '[',
    '[::1',
    'user:password@host',
    'host:99999',
    'host:port',
    'host/path',
    'host?query',
    'host#fragment',
    'höst',
    '"',
    'a'.repeat(5000),
    'javascript:alert(1)',
    '%',
    '<script>',
    'host,other',
  ])('"%s" is answered', async (host) => {
    for (const target of ['/v2/', `/v2/${repository}/manifests/latest`, '/healthz']) {
      const headers = [['Host', host]] as const;
      const answer = await send({ method: 'GET', target, headers, body: undefined });
      expect(answer.status).toBeLessThan(500);
    }
  });

  test('ends up in a challenge only as a plain host and port', async () => {
    const headers = [['Host', 'evil.example.com"/x']] as const;
    const answer = await send({ method: 'GET', target: '/v2/', headers, body: undefined });
    expect(answer.headers.get('www-authenticate') ?? '').not.toContain('evil.example.com"');
  });
});
