import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { routes } from '../../functions/routes.ts';
import type { AuditLine } from '../../shared/http/audit.ts';
import { auditedChanges } from '../../shared/http/message.ts';
import { type EntraRegistry, owner, startEntraRegistry, stranger } from '../acr/entra-registry.ts';
import { testAdminPassword } from '../harness/lighter.ts';
import { admin, type Answer, basic, Client, digestOf, image, json, types } from '../http/client.ts';

const tokenUser = '00000000-0000-0000-0000-000000000000';
const app: string = '1f3c7a52-aaaa-4bbb-8ccc-000000000001';
const appSecret = 'Xy8~Q:build_secret';

let registry: EntraRegistry;
let client: Client;
let nobody: Client;
/** Everything secret that was sent or received. */
const secrets = new Set<string>([testAdminPassword, appSecret]);
const seen = new Set<string>();
let read = 0;

beforeAll(async () => {
  registry = await startEntraRegistry();
  registry.entra.register([{ clientId: app, secret: appSecret, objectId: owner }]);
  client = new Client(registry.lighter.url);
  nobody = new Client(registry.lighter.url, '');
});
afterAll(() => registry.stop());
beforeEach(() => lines());

/** The audit lines since the last time, of the requests that were answered. */
async function lines(): Promise<AuditLine[]> {
  await sleep(50);
  const output = registry.lighter.output();
  const fresh = output
    .slice(read)
    .split('\n')
    .filter((line) => line.startsWith('{"audit":"lighter"'));
  read = output.length;
  return fresh.map((line) => {
    const parsed: AuditLine = JSON.parse(line);
    seen.add(parsed.event);
    expect(Date.parse(parsed.time)).toBeGreaterThan(Date.now() - 60_000);
    expect(parsed.requestId).toMatch(/^[0-9a-f-]{36}$/);
    return parsed;
  });
}

/** The one line that an answered request left; stdout comes a moment after the answer. */
async function lineOf(answer: Answer | Promise<Answer>): Promise<AuditLine> {
  const { status, headers } = await answer;
  const requestId = headers.get('x-ms-correlation-request-id');
  const fresh = await lines();
  for (let waited = 0; fresh.length === 0 && waited < 100; waited++) fresh.push(...(await lines()));
  const [line] = fresh;
  expect(fresh).toMatchObject([{ status, requestId }]);
  if (line === undefined) throw new Error('no line');
  return line;
}

const form = (fields: Record<string, string>) => ({
  headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
});

function token(answer: Answer): string {
  const { access_token: access, refresh_token: refresh } = JSON.parse(answer.body.toString());
  const text = String(access ?? refresh);
  secrets.add(text).add(text.split('.')[2] ?? text);
  return text;
}

async function exchanged(objectId: string): Promise<string> {
  const entraToken = await registry.tokenOf(objectId);
  secrets.add(entraToken);
  const fields = { grant_type: 'access_token', service: 'x', access_token: entraToken };
  return token(await nobody.send('POST', '/oauth2/exchange', form(fields)));
}

describe('a sign-in leaves a line', () => {
  test('of the admin with the password, with what was granted, client and claimed address', async () => {
    const target = '/oauth2/token?service=x&scope=repository:a/b:pull,push&account=admin';
    const headers = { 'User-Agent': 'docker/29', 'X-Forwarded-For': '203.0.113.9, 10.0.0.1' };
    const answer = await client.send('GET', target, { headers });
    token(answer);
    expect(await lineOf(answer)).toMatchObject({
      event: 'sign-in',
      outcome: 'success',
      principal: 'admin',
      kind: 'admin',
      credential: 'password',
      scope: 'repository:a/b:pull,push',
      userAgent: 'docker/29',
      forwardedFor: '203.0.113.9, 10.0.0.1',
    });
  });

  test('of an Entra user at the exchange, and with the refresh token of it', async () => {
    const refresh = await exchanged(owner);
    const [line] = await lines();
    const entra = { event: 'sign-in', outcome: 'success', principal: owner, kind: 'entra' };
    expect(line).toMatchObject({ ...entra, credential: 'exchanged-token' });
    const fields = {
      grant_type: 'refresh_token',
      refresh_token: refresh,
      scope: 'repository:a:pull',
    };
    const answer = await nobody.send('POST', '/oauth2/token', form(fields));
    token(answer);
    expect(await lineOf(answer)).toMatchObject({ ...entra, credential: 'refresh-token' });
    const password = await new Client(registry.lighter.url, basic(tokenUser, refresh)).send(
      'GET',
      '/oauth2/token?service=x',
    );
    token(password);
    expect(await lineOf(password)).toMatchObject({ ...entra, credential: 'token-as-password' });
  });

  test('of a service principal, under its object id and the client id that was given', async () => {
    const sp = new Client(registry.lighter.url, basic(app, appSecret));
    const answer = await sp.send('GET', '/oauth2/token?service=x');
    token(answer);
    const told = { principal: owner, kind: 'entra', credential: 'password', claimed: app };
    expect(await lineOf(answer)).toMatchObject({ event: 'sign-in', outcome: 'success', ...told });
  });

  test.each([
    ['admin', 'wrong-password-of-admin', 'admin'],
    [app, 'wrong-secret-of-an-app', app],
    ['hunter2-typed-into-the-wrong-field', 'x', undefined],
  ])(
    'when it is refused, with the user name unless that may be a password: %s',
    async (...given) => {
      const [username, password, claimed] = given;
      secrets.add(password === 'x' ? username : password);
      const refused = { event: 'sign-in', outcome: 'refused', code: 'UNAUTHORIZED' };
      const wrong = new Client(registry.lighter.url, basic(username, password));
      const line = await lineOf(wrong.send('GET', '/oauth2/token?service=x'));
      expect(line).toMatchObject({ ...refused, credential: 'password' });
      expect(line.claimed).toBe(claimed);
      expect(line).not.toHaveProperty('principal');
      const fields = { grant_type: 'password', username, password };
      const posted = await lineOf(nobody.send('POST', '/oauth2/token', form(fields)));
      expect(posted).toMatchObject({ ...refused, credential: 'password' });
      expect(posted.claimed).toBe(claimed);
    },
  );

  test('when an exchange is refused, with the reason', async () => {
    const entraToken = await registry.entra.sign({ aud: 'https://graph.microsoft.com' });
    secrets.add(entraToken);
    const fields = { grant_type: 'access_token', access_token: entraToken };
    const line = await lineOf(nobody.send('POST', '/oauth2/exchange', form(fields)));
    expect(line).toMatchObject({
      event: 'sign-in',
      outcome: 'refused',
      credential: 'exchanged-token',
    });
    expect(line.reason).toMatch(/./);
  });
});

describe('a refusal leaves a line', () => {
  test('of a principal that is known and lacks the right: password, then token', async () => {
    const refresh = await exchanged(stranger);
    await lines();
    const direct = new Client(registry.lighter.url, basic(tokenUser, refresh));
    const denied = { event: 'denied', outcome: 'refused', principal: stranger, kind: 'entra' };
    const digest = digestOf('x');
    expect(await lineOf(direct.send('GET', `/v2/a/b/blobs/${digest}`))).toMatchObject({
      ...denied,
      code: 'DENIED',
      status: 403,
      action: 'pull',
      repository: 'a/b',
      digest,
      credential: 'token-as-password',
    });
    const answer = await direct.send('GET', '/oauth2/token?service=x&scope=repository:a/b:pull');
    const bearer = new Client(registry.lighter.url, `Bearer ${token(answer)}`);
    await lines();
    expect(await lineOf(bearer.send('PUT', '/v2/a/b/manifests/v1', { body: '{}' }))).toMatchObject({
      ...denied,
      status: 401,
      action: 'push',
      reason: 'lacks push',
      reference: 'v1',
      credential: 'access-token',
    });
  });

  test('of a token that is none, and of a lock', async () => {
    const secret = randomBytes(20).toString('hex');
    secrets.add(secret);
    const forged = new Client(registry.lighter.url, `Bearer ${secret}`);
    const line = await lineOf(forged.send('GET', '/v2/a/b/tags/list'));
    expect(line).toMatchObject({
      event: 'denied',
      code: 'UNAUTHORIZED',
      credential: 'access-token',
    });
    expect(line).not.toHaveProperty('principal');
    await client.pushImage('locked/app', 'v1');
    await client.send('PATCH', '/acr/v1/locked/app', { body: '{"deleteEnabled":false}' });
    await lines();
    expect(await lineOf(client.send('DELETE', '/acr/v1/locked/app'))).toMatchObject({
      event: 'denied',
      principal: 'admin',
      status: 405,
      code: 'DENIED',
      action: 'delete',
    });
  });

  test('but not a question: who asks without a credential is told to bring one', async () => {
    await nobody.send('GET', '/v2/');
    await nobody.send('GET', '/v2/a/b/tags/list');
    await client.send('GET', '/v2/a/b/manifests/nothing');
    expect(await lines()).toEqual([]);
  });
});

describe('a change leaves a line', () => {
  const by = { outcome: 'success', principal: 'admin', kind: 'admin', credential: 'password' };

  test('with digest, tags and repository: pushes, mounts, locks, deletions', async () => {
    const repository = 'trail/app';
    const blob = randomBytes(20);
    const digest = digestOf(blob);
    const start = `/v2/${repository}/blobs/uploads/`;
    expect(
      await lineOf(client.send('POST', `${start}?digest=${digest}`, { body: blob })),
    ).toMatchObject({ event: 'blob.push', ...by, repository, digest, action: 'push' });
    const location = await client.startUpload(repository);
    expect(await lines()).toEqual([]);
    const config = digestOf('{}');
    const end = `${location}?digest=${config}`;
    expect(await lineOf(client.send('PUT', end, { body: '{}' }))).toMatchObject({
      event: 'blob.push',
      digest: config,
    });
    const mount = `/v2/trail/other/blobs/uploads/?mount=${digest}&from=${repository}`;
    expect(await lineOf(client.send('POST', mount))).toMatchObject({
      event: 'blob.mount',
      repository: 'trail/other',
      digest,
      from: repository,
    });

    const manifest = image({
      config: { mediaType: types.config, digest: config, size: 2 },
      layers: [{ mediaType: types.layer, digest, size: 20 }],
    });
    const pushed = digestOf(json(manifest));
    const push = client.putManifest(repository, `${pushed}?tag=v1&tag=v2`, manifest);
    expect(await lineOf(push)).toMatchObject({
      ...by,
      event: 'manifest.push',
      repository,
      reference: pushed,
      digest: pushed,
      tags: ['v1', 'v2'],
    });

    const attributes = { writeEnabled: true };
    const body = JSON.stringify(attributes);
    for (const what of ['', '/_tags/v1', `/_manifests/${pushed}`]) {
      const target = `/acr/v1/${repository}${what}`;
      expect(await lineOf(client.send('PATCH', target, { body }))).toMatchObject({
        ...by,
        event: 'lock.change',
        repository,
        attributes,
        action: 'metadata_write',
      });
    }
    const deletions: [string, object][] = [
      [`/v2/${repository}/manifests/v1`, { event: 'tag.delete', reference: 'v1' }],
      [`/acr/v1/${repository}/_tags/v2`, { event: 'tag.delete', reference: 'v2' }],
      [`/v2/${repository}/manifests/${pushed}`, { event: 'manifest.delete', digest: pushed }],
      [`/v2/trail/other/blobs/${digest}`, { event: 'blob.delete', digest }],
      [`/acr/v1/${repository}`, { event: 'repository.delete', manifests: 0 }],
    ];
    for (const [target, line] of deletions) {
      expect(await lineOf(client.send('DELETE', target))).toMatchObject({ ...by, ...line });
    }
  });

  test('of a quarantine, a release and a restore', async () => {
    const headers = { 'Content-Type': 'application/json', 'If-Match': '*' };
    const policy = JSON.stringify({ softDelete: [{ repositories: ['soft/*'], retainDays: 1 }] });
    const put = await client.send('PUT', '/api/v1/policy', { headers, body: policy });
    expect(put.status, put.body.toString()).toBe(200);
    const digest = await client.pushImage('soft/app', 'v1');
    await lines();
    const told = { ...by, repository: 'soft/app', digest };
    for (const [quarantine, event] of [
      ['Failed', 'manifest.quarantine'],
      ['Passed', 'manifest.release'],
    ]) {
      const body = JSON.stringify({ quarantineState: quarantine, quarantineDetails: '{"a":1}' });
      const target = `/acr/v1/soft/app/_manifests/${digest}`;
      const line = await lineOf(client.send('PATCH', target, { body }));
      expect(line).toMatchObject({ ...told, event, quarantine });
    }
    await lineOf(client.send('DELETE', `/v2/soft/app/manifests/${digest}`));
    const target = `/acr/v1/_deleted/soft/app/_manifests/${digest}`;
    expect(await lineOf(client.send('POST', target))).toMatchObject({
      ...told,
      event: 'manifest.restore',
      tags: ['v1'],
      manifests: 1,
    });
    // The second time there is nothing to restore, and nothing to tell.
    expect((await client.send('POST', target)).status).toBe(200);
    expect(await lines()).toEqual([]);
  });

  test('of the policy and of repository tokens, without their passwords', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const map = {
      headers,
      body: JSON.stringify({ rules: [{ repositories: ['a'], actions: ['content/read'] }] }),
    };
    const put = await client.send('PUT', '/api/v1/scope-maps/readers', map);
    expect(put.status, put.body.toString()).toBeLessThan(300);
    expect(await lineOf(put)).toMatchObject({
      event: 'policy.change',
      ...by,
      target: 'readers',
      section: 'scope-maps',
    });
    const made = await client.send('PUT', '/api/v1/tokens/ci', {
      headers,
      body: JSON.stringify({ scopeMap: 'readers' }),
    });
    expect(made.status, made.body.toString()).toBeLessThan(300);
    expect(await lineOf(made)).toMatchObject({ event: 'token.change', ...by, target: 'ci' });
    const target = '/api/v1/tokens/ci/passwords/password1';
    const generated = await client.send('POST', target, { headers, body: '{}' });
    const { value, password } = JSON.parse(generated.body.toString());
    secrets.add(String(value ?? password));
    expect(await lineOf(generated)).toMatchObject({ event: 'token.change', ...by, target: 'ci' });
    const ci = new Client(registry.lighter.url, basic('ci', String(value ?? password)));
    const signedIn = await ci.send('GET', '/oauth2/token?service=x');
    token(signedIn);
    expect(await lineOf(signedIn)).toMatchObject({
      principal: 'token:ci',
      kind: 'repository-token',
    });
  });

  test.each([
    ['gc', 'gc.run'],
    ['storage-audit', 'storage-audit.run'],
  ])('of %s that was asked for, but not of a dry run', async (what, event) => {
    const headers = { 'Content-Type': 'application/json' };
    const ask = (body: string) => client.send('POST', `/api/v1/${what}`, { headers, body });
    expect((await ask('{"dryRun":true}')).status).toBe(200);
    expect(await lines()).toEqual([]);
    expect(await lineOf(ask('{}'))).toMatchObject({ event, ...by, action: 'manage_delete' });
  });

  test('of retention that was asked for', async () => {
    const answer = client.send('POST', '/api/v1/retention');
    expect(await lineOf(answer)).toMatchObject({ event: 'retention.run', ...by, manifests: 0 });
  });

  test('of backup, restore and rebuild', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const send = (method: string, path: string, value: object, more = {}) =>
      client.send(method, `/api/v1/${path}`, {
        headers: { ...headers, ...more },
        body: JSON.stringify(value),
      });
    const policy = await client.send('GET', '/api/v1/policy');
    const match = { 'If-Match': policy.headers.get('etag') ?? '' };
    const document: object = JSON.parse(policy.body.toString());
    const on = await send('PUT', 'policy', { ...document, backup: {} }, match);
    expect(await lineOf(on)).toMatchObject({ event: 'policy.change' });
    const taken = await send('POST', 'backups', {});
    const backup = String(JSON.parse(taken.body.toString()).id);
    expect(await lineOf(taken)).toMatchObject({ event: 'backup.run', ...by, target: backup });
    const restored = await send('POST', 'restore', { backup, existing: 'keep' });
    expect(await lineOf(restored)).toMatchObject({ event: 'restore.run', ...by, target: backup });
    const rebuilt = await send('POST', 'rebuild-index', {});
    expect(await lineOf(rebuilt)).toMatchObject({ event: 'index.rebuild', ...by });
  });
});

test('every event was seen, and every route that changes something names its own', () => {
  expect([...seen].toSorted()).toEqual(['denied', 'sign-in', ...auditedChanges].toSorted());
  const silent = routes.flatMap(({ name, methods }) =>
    Object.entries(methods)
      .filter(([method, { change }]) => !['GET', 'HEAD'].includes(method) && change === undefined)
      .map(([method]) => `${method} ${name}`),
  );
  // An upload changes nothing that can be pulled before its end; the others change nothing at all.
  expect(silent).toEqual([
    'PATCH uploads',
    'DELETE uploads',
    'POST api-policy-validation',
    'POST api-usage',
  ]);
});

test('no password, token or signature is in any line, nor where the request carried them', () => {
  const everyLine = registry.lighter
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{"audit":"lighter"'));
  expect(everyLine.length).toBeGreaterThan(30);
  expect(secrets.size).toBeGreaterThan(15);
  const text = everyLine.join('\n');
  for (const secret of [...secrets, admin.slice('Basic '.length)]) {
    expect(text.includes(secret), secret).toBe(false);
  }
  expect(text).not.toMatch(/eyJ|[?&]sig=|Bearer |Basic /);
});
