import fc from 'fast-check';
import { parse } from 'valibot';
import { beforeEach, describe, expect, test } from 'vitest';
import { policyDocument } from '../../shared/policy/policy-document.ts';
import { tablesOf } from '../auth/registry-tables.ts';
import { expectProblem, header } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { jsonOf, sendJson } from './api-client.ts';

const registry = registryOfFile();
const rules = [{ repositories: ['team/*'], actions: ['content/read'] }];
/** Every section, off or empty. */
const empty: object = JSON.parse(JSON.stringify(parse(policyDocument, {})));

const put = (value: unknown, headers: Readonly<Record<string, string>> = { 'If-Match': '*' }) =>
  sendJson(registry().client, 'PUT', 'policy', value, headers);
const get = () => registry().client.send('GET', '/api/v1/policy');

beforeEach(async () => expect((await put({})).status).toBe(200));

test('what is not known and what is missing are called so', async () => {
  const value = { colour: 'red', scopeMaps: [{ name: 'a' }] };
  const answer = await sendJson(registry().client, 'POST', 'policy/validate', value);
  expect(jsonOf(answer)).toEqual({
    valid: false,
    problems: [
      { at: '/scopeMaps/0/rules', problem: 'is missing' },
      { at: '/colour', problem: 'is not known' },
    ],
  });
});

describe('PUT of the policy', () => {
  test('answers the document as it is from now on, and its ETag', async () => {
    const before = await get();
    expect(jsonOf(before)).toEqual(empty);
    const answer = await put(
      { anonymousPull: ['public/*'] },
      { 'If-Match': header(before, 'ETag') },
    );
    expect(jsonOf(answer)).toEqual({ ...empty, anonymousPull: ['public/*'] });
    const after = await get();
    expect(after.body).toEqual(answer.body);
    expect(header(after, 'ETag')).toBe(header(answer, 'ETag'));
    expect(header(after, 'ETag')).not.toBe(header(before, 'ETag'));
    expect(header(after, 'Cache-Control')).toBe('no-store');
  });

  test('is in force at once where it was made', async () => {
    const { client, anonymous } = registry();
    await client.pushImage('opened/app', 'latest');
    const pull = async () => (await anonymous.send('GET', '/v2/opened/app/tags/list')).status;
    expect(await pull()).toBe(401);
    await put({ anonymousPull: ['opened/*'] });
    expect(await pull()).toBe(200);
    await put({});
    expect(await pull()).toBe(401);
  });

  test('needs If-Match', async () => {
    expectProblem(await put({}, {}), 428, 'UNSUPPORTED');
  });

  test('is refused when the document has changed, and does not change it', async () => {
    const etag = header(await get(), 'ETag');
    await put({ anonymousPull: ['a'] });
    const { detail } = expectProblem(await put({}, { 'If-Match': etag }), 412, 'UNSUPPORTED');
    expect(detail).toEqual({ etag: header(await get(), 'ETag') });
    expect(jsonOf(await get())).toMatchObject({ anonymousPull: ['a'] });
  });

  test('takes several ETags in If-Match, and no weak one', async () => {
    const etag = header(await get(), 'ETag');
    expect((await put({}, { 'If-Match': `"other", ${etag}` })).status).toBe(200);
    expectProblem(await put({}, { 'If-Match': `W/${etag}` }), 412, 'UNSUPPORTED');
  });

  test('says everything that is wrong, and where', async () => {
    const answer = await put({
      anonymousPull: ['Team'],
      scopeMaps: [{ name: 'a', rules, more: 1 }],
      typo: 1,
    });
    const { detail } = expectProblem(answer, 400, 'UNSUPPORTED');
    expect(detail).toMatchObject({
      problems: [{ at: '/anonymousPull/0' }, { at: '/scopeMaps/0/more' }, { at: '/typo' }],
    });
    expect(jsonOf(await get())).toEqual(empty);
  });

  test.each([
    ['not JSON', '{', ''],
    ['an array', '[]', ''],
    ['nothing', '', ''],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), ''],
  ])('that is %s is refused', async (_, body, at) => {
    const answer = await registry().client.send('PUT', '/api/v1/policy', {
      body,
      headers: { 'Content-Type': 'application/json', 'If-Match': '*' },
    });
    const { detail } = expectProblem(answer, 400, 'UNSUPPORTED');
    expect(detail).toMatchObject({ problems: [{ at }] });
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', ''])(
    'of Content-Type "%s" is refused',
    async (type) => {
      const headers = { 'Content-Type': type, 'If-Match': '*' };
      expectProblem(await put({}, headers), 415, 'UNSUPPORTED');
    },
  );

  test('takes a charset beside the Content-Type', async () => {
    const headers = { 'Content-Type': 'Application/JSON; charset=utf-8', 'If-Match': '*' };
    expect((await put({}, headers)).status).toBe(200);
  });

  test('over 64 KiB is refused, and so is a policy over 60 KiB', async () => {
    expectProblem(await put({ typo: 'x'.repeat(70_000) }), 413, 'SIZE_INVALID');
    const description = 'x'.repeat(490);
    const scopeMaps = Array.from({ length: 105 }, (_, at) => ({
      name: `map-${at}`,
      description,
      rules,
    }));
    expect(JSON.stringify({ scopeMaps }).length).toBeLessThan(64 * 1024);
    expectProblem(await put({ scopeMaps }), 413, 'SIZE_INVALID');
    const valid = await sendJson(registry().client, 'POST', 'policy/validate', { scopeMaps });
    expect(jsonOf(valid)).toMatchObject({ valid: false, problems: [{ at: '' }] });
  });

  test('with If-Match * replaces a document that this release does not know', async () => {
    const tables = tablesOf(registry().azurite);
    const document = new Uint8Array(Buffer.from('{"ofTheFuture":[]}'));
    await tables.commit('settings', 'policy', [
      { kind: 'upsert', rowKey: 'document', properties: { document } },
    ]);
    expectProblem(await get(), 503, 'UNAVAILABLE');
    expectProblem(await put({}, { 'If-Match': '"x"' }), 503, 'UNAVAILABLE');
    expect(jsonOf(await put({ anonymousPull: ['a'] }))).toMatchObject({ anonymousPull: ['a'] });
    expect(jsonOf(await get())).toMatchObject({ anonymousPull: ['a'] });
  });

  test('has one winner of fifty with the same ETag', async () => {
    const etag = header(await get(), 'ETag');
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        put({ anonymousPull: [`racer/${at}`] }, { 'If-Match': etag }),
      ),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 49 }, () => 412)]);
  });
});

describe('validation', () => {
  const validate = (value: unknown) =>
    sendJson(registry().client, 'POST', 'policy/validate', value);

  test('says what is wrong and changes nothing', async () => {
    expect(jsonOf(await validate({ anonymousPull: ['a'] }))).toEqual({ valid: true, problems: [] });
    expect(jsonOf(await validate({ typo: 1 }))).toMatchObject({
      valid: false,
      problems: [{ at: '/typo' }],
    });
    expect(jsonOf(await get())).toEqual(empty);
  });
});

test('whatever valid document is put is what is got, its defaults filled in', async () => {
  const name = fc.stringMatching(/^[a-z0-9](?:[a-z0-9_-]{0,20}[a-z0-9])?$/).filter(isFree);
  const patterns = fc.array(fc.stringMatching(/^[a-z0-9]{1,9}(?:\/\*)?$/), {
    minLength: 1,
    maxLength: 4,
  });
  const someRules = fc.array(
    fc.record({
      repositories: patterns,
      actions: fc.subarray(['content/read', 'content/write', 'content/delete', 'metadata/read'], {
        minLength: 1,
      }),
    }),
    { minLength: 1, maxLength: 3 },
  );
  const text = fc.string({ minLength: 1, maxLength: 40, unit: 'binary' });
  const scopeMap = fc.record(
    { name, description: text, rules: someRules },
    { requiredKeys: ['name', 'rules'] },
  );
  const rule = fc.record({
    name,
    issuer: fc.webUrl({ validSchemes: ['https'] }).filter((url) => !url.includes('*')),
    audience: text,
    claims: fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 3 })),
      { minKeys: 1, maxKeys: 4 },
    ),
    rules: someRules,
    maxTokenAgeSeconds: fc.integer({ min: 60, max: 86_400 }),
  });
  const tagPattern = fc.constantFrom('latest', 'v.*', 'release-\\d+', '(?:a|b)[0-9]{1,3}');
  const unique = { selector: (each: { name: string }) => each.name, maxLength: 5 };
  const documents = fc.record({
    anonymousPull: patterns,
    scopeMaps: fc.uniqueArray(scopeMap, unique),
    federation: fc.uniqueArray(rule, unique),
    retention: fc.uniqueArray(
      fc.record({
        name,
        repositories: patterns,
        untaggedAfterDays: fc.integer({ min: 1, max: 3650 }),
        tags: fc.array(fc.record({ match: tagPattern, keepNewest: fc.integer({ min: 1 }) }), {
          maxLength: 3,
        }),
        protect: fc.array(tagPattern, { maxLength: 3 }),
      }),
      unique,
    ),
    immutability: fc.array(fc.record({ repositories: patterns, tags: tagPattern }), {
      maxLength: 3,
    }),
    quotas: fc.array(fc.record({ repositories: patterns, maxBytes: fc.integer({ min: 1 }) }), {
      maxLength: 3,
    }),
  });
  await fc.assert(
    fc.asyncProperty(documents, async (document) => {
      const answer = await put(document);
      expect(answer.status, answer.body.toString()).toBe(200);
      const got = await get();
      expect(jsonOf(got)).toEqual({ ...empty, ...document });
      expect((await put(jsonOf(got), { 'If-Match': header(got, 'ETag') })).status).toBe(200);
      expect(header(await get(), 'ETag')).toBe(header(got, 'ETag'));
    }),
    { numRuns: 60 },
  );
});

function isFree(name: string): boolean {
  return name !== 'admin' && !/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-/.test(name);
}
