import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { keyRotation } from '../../functions/key-rotation.ts';
import type { Caller } from '../../shared/auth/caller.ts';
import { parseRepositoryName, type RepositoryName } from '../../shared/domain/repository-name.ts';
import { type Action, actions, type ResourceScope } from '../../shared/domain/scope.ts';
import type { App } from '../../shared/http/app.ts';
import { admit } from '../../shared/http/auth-gate.ts';
import type { RegistryAccess } from '../../shared/http/route.ts';
import { counted, movableClock } from './registry-tables.ts';
import {
  ask,
  basic,
  bearer,
  host,
  jsonOf,
  origin,
  request,
  signInApp,
  tokenUser,
} from './sign-in-app.ts';
import { testTables } from './test-tables.ts';

const password = 'secret';
const admin = basic('admin', password);
const app = repository('team/app');

const tables = testTables();
let registry: App;

beforeAll(() => {
  registry = signInApp(tables, { adminPassword: password, anonymousPull: 'public/*' });
});

function repository(text: string): RepositoryName {
  const name = parseRepositoryName(text);
  if (name === undefined) throw new Error(text);
  return name;
}

/** Asks the gate; the headers are those of the request. */
function enter(
  access: RegistryAccess | Action,
  where: RepositoryName | undefined,
  authorization?: string,
  on = registry,
  at = origin,
): Promise<Caller> {
  const headers = authorization === undefined ? {} : { Authorization: authorization };
  return admit(on, request('GET', '/v2/', headers), { access }, where, at);
}

async function tokenTo(...access: ResourceScope[]): Promise<string> {
  const asked = { subject: 'admin', audience: host, access, expiresAtMostMs: undefined };
  return (await registry.authority.tokens.issueAccess(asked)).token;
}

const pullOnly = { type: 'repository', name: 'team/app', actions: ['pull'] };

function challenged(rest = '') {
  return {
    code: 'UNAUTHORIZED',
    status: 401,
    headers: {
      'WWW-Authenticate': `Bearer realm="${origin}/oauth2/token",service="${host}"${rest}`,
      'Docker-Distribution-Api-Version': 'registry/2.0',
    },
  };
}

describe('the challenge', () => {
  test('of GET /v2/ names realm and service, and no scope', async () => {
    await expect(enter('login', undefined)).rejects.toMatchObject(challenged());
  });

  test.each<[Action, string]>([
    ['pull', 'pull'],
    ['push', 'pull,push'],
    ['delete', 'delete'],
    ['metadata_read', 'metadata_read'],
    ['metadata_write', 'metadata_read,metadata_write'],
  ])('of %s asks for the scope that the request needs', async (action, scope) => {
    await expect(enter(action, app)).rejects.toMatchObject(
      challenged(`,scope="repository:team/app:${scope}"`),
    );
  });

  test('tells in its body what was missing, as ACR does', async () => {
    await expect(enter('push', app)).rejects.toMatchObject({
      detail: [
        { Type: 'repository', Name: 'team/app', Action: 'pull' },
        { Type: 'repository', Name: 'team/app', Action: 'push' },
      ],
    });
  });

  test('of the catalogue asks for the catalogue', async () => {
    await expect(enter('catalog', undefined)).rejects.toMatchObject(
      challenged(',scope="registry:catalog:*"'),
    );
  });

  test('names the port in the service, and the scheme that the client used', async () => {
    await expect(
      enter('pull', app, undefined, registry, 'http://127.0.0.1:5080'),
    ).rejects.toMatchObject({
      headers: {
        'WWW-Authenticate':
          'Bearer realm="http://127.0.0.1:5080/oauth2/token",service="127.0.0.1:5080",scope="repository:team/app:pull"',
      },
    });
  });

  test('can be taken apart as the Azure CLI does it: by a space, then by commas', async () => {
    const refusal: unknown = await enter('pull', app, bearer('x.y.z')).catch((error) => error);
    expect(refusal).toMatchObject({ headers: { 'WWW-Authenticate': expect.any(String) } });
    const header = String(Object(refusal).headers['WWW-Authenticate']);
    const [scheme, rest, ...more] = header.split(' ');
    expect([scheme, more]).toEqual(['Bearer', []]);
    const parameters = String(rest).split(',');
    for (const parameter of parameters) expect(parameter).toMatch(/^[a-z]+="[^"=]*"$/);
  });
});

describe('without credentials', () => {
  test('GET /v2/ is refused, also where something is open to anonymous pull', async () => {
    const { code: _code, ...answered } = challenged();
    await expect(ask(registry, request('GET', '/v2/'))).rejects.toMatchObject({
      ...answered,
      errors: [
        {
          code: 'UNAUTHORIZED',
          message: 'authentication required',
          detail: { requestId: 'request-id' },
        },
      ],
    });
  });

  test('GET /v2/ asks storage nothing', async () => {
    const store = counted(tables);
    const fresh = signInApp(store, { adminPassword: password, anonymousPull: '*' });
    await expect(enter('login', undefined, undefined, fresh)).rejects.toMatchObject(challenged());
    expect(store.asked).toEqual([]);
  });

  test('a repository open to anonymous pull can be pulled straight away', async () => {
    const caller = await enter('pull', repository('public/app'));
    expect(caller.subject).toBe('anonymous');
    expect(caller.may('pull', repository('public/other'))).toBe(true);
    expect(caller.may('pull', app)).toBe(false);
    expect(caller.may('push', repository('public/app'))).toBe(false);
    expect(caller.mayListCatalog()).toBe(false);
  });

  test('nothing but pull and reading metadata is open, and no other repository', async () => {
    const open = ['pull', 'metadata_read'];
    for (const action of actions.filter((each) => !open.includes(each))) {
      await expect(enter(action, repository('public/app'))).rejects.toMatchObject({ status: 401 });
    }
    await expect(enter('pull', repository('publicity'))).rejects.toMatchObject({ status: 401 });
    await expect(enter('catalog', undefined)).rejects.toMatchObject({ status: 401 });
  });

  test('a route for anyone takes nobody for anonymous, and a wrong credential for wrong', async () => {
    const caller = await enter('anyone', undefined);
    expect(caller.may('pull', repository('public/app'))).toBe(true);
    expect(caller.may('pull', app)).toBe(false);
    expect((await enter('anyone', undefined, admin)).may('pull', app)).toBe(true);
    const wrong = basic('admin', 'wrong');
    await expect(enter('anyone', undefined, wrong)).rejects.toMatchObject({ status: 401 });
  });

  test('an open route asks for no credential and looks at none', async () => {
    const caller = await enter('open', undefined, 'Basic !!!');
    expect(caller.subject).toBe('anonymous');
    expect(caller.may('pull', repository('public/app'))).toBe(false);
  });
});

describe('with an access token', () => {
  test('GET /v2/ is answered {} with 200', async () => {
    const headers = { Authorization: bearer(await tokenTo()) };
    const answer = await ask(registry, request('GET', '/v2/', headers));
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'Docker-Distribution-Api-Version': 'registry/2.0' },
      body: '{}',
    });
  });

  test('of anonymous GET /v2/ is answered too, since some clients ping with the token they got', async () => {
    const asked = { subject: 'anonymous', audience: host, access: [], expiresAtMostMs: undefined };
    const { token } = await registry.authority.tokens.issueAccess(asked);
    expect((await enter('login', undefined, bearer(token))).subject).toBe('anonymous');
  });

  test('a request within its scope is let in, under its subject and id', async () => {
    const caller = await enter('pull', app, bearer(await tokenTo(pullOnly)));
    expect(caller.subject).toBe('admin');
    expect(caller.tokenId).toMatch(/^[0-9a-f-]{36}$/);
    expect(caller.may('push', app)).toBe(false);
  });

  test('the right to mount from another repository is read from the same token', async () => {
    const target = { type: 'repository', name: 'team/app', actions: ['pull', 'push'] };
    const source = { type: 'repository', name: 'base/os', actions: ['pull'] };
    const caller = await enter('push', app, bearer(await tokenTo(target, source)));
    expect(caller.may('pull', repository('base/os'))).toBe(true);
    expect(caller.may('pull', repository('base/other'))).toBe(false);
  });

  test('that is too narrow, the scope that is needed is asked for, so that docker fetches it', async () => {
    const token = bearer(await tokenTo(pullOnly));
    await expect(enter('push', app, token)).rejects.toMatchObject(
      challenged(',scope="repository:team/app:pull,push",error="insufficient_scope"'),
    );
    await expect(enter('catalog', undefined, token)).rejects.toMatchObject(
      challenged(',scope="registry:catalog:*",error="insufficient_scope"'),
    );
  });

  test('that has ended, containerd is told to drop it', async () => {
    const clock = movableClock();
    const later = signInApp(tables, { adminPassword: password, clock });
    const token = await tokenTo(pullOnly);
    clock.advance(4600);
    await expect(enter('pull', app, bearer(token), later)).rejects.toMatchObject(
      challenged(',scope="repository:team/app:pull",error="invalid_token"'),
    );
  });

  test('that is none, it is refused even for what anybody may pull', async () => {
    await expect(
      enter('pull', repository('public/app'), bearer('not.a.token')),
    ).rejects.toMatchObject({ status: 401 });
  });

  test('for another host it is refused', async () => {
    const token = bearer(await tokenTo(pullOnly));
    await expect(
      enter('pull', app, token, registry, 'https://other.example.com'),
    ).rejects.toMatchObject({ status: 401 });
  });

  test('a refresh token does not pass for one', async () => {
    const { token } = await registry.authority.tokens.issueRefresh({ kind: 'admin' }, host);
    await expect(enter('login', undefined, bearer(token))).rejects.toMatchObject(
      challenged(',error="invalid_token"'),
    );
  });

  test('to every repository, every valid name is let in and no other action', async () => {
    const everywhere = { type: 'repository', name: '*', actions: ['delete'] };
    const caller = await enter('delete', app, bearer(await tokenTo(everywhere)));
    const segment = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const name = repository(segments.join('/'));
        expect(caller.may('delete', name)).toBe(true);
        expect(caller.may('pull', name)).toBe(false);
      }),
    );
  });
});

describe('with a user name and a password', () => {
  test('the admin may do everything', async () => {
    for (const action of actions) {
      expect((await enter(action, app, admin)).may(action, app)).toBe(true);
    }
    expect((await enter('catalog', undefined, admin)).mayListCatalog()).toBe(true);
    expect((await enter('login', undefined, admin)).subject).toBe('admin');
  });

  test.each([
    ['a wrong password', basic('admin', 'wrong')],
    ['a longer password', basic('admin', `${password}x`)],
    ['an unknown user', basic('somebody', password)],
    ['a user name in another case', basic('Admin', password)],
    ['no colon', `Basic ${Buffer.from('admin').toString('base64')}`],
    ['an empty header', ''],
  ])('%s is refused, also where anybody may pull', async (_what, header) => {
    await expect(enter('pull', repository('public/app'), header)).rejects.toMatchObject(
      challenged(',scope="repository:public/app:pull"'),
    );
    await expect(enter('login', undefined, header)).rejects.toMatchObject(challenged());
  });

  test('a refresh token works as the password of the null-GUID user', async () => {
    const { token } = await registry.authority.tokens.issueRefresh({ kind: 'admin' }, host);
    const caller = await enter('push', app, basic(tokenUser, token));
    expect(caller.subject).toBe('admin');
  });

  test('an access token works so too, with its own scope and no wider', async () => {
    const header = basic(tokenUser, await tokenTo(pullOnly));
    expect((await enter('pull', app, header)).may('push', app)).toBe(false);
  });

  test('that are right but lack the right, the answer is 403 and no challenge', async () => {
    const header = basic(tokenUser, await tokenTo(pullOnly));
    await expect(enter('push', app, header)).rejects.toMatchObject({
      code: 'DENIED',
      status: 403,
      headers: {},
    });
    await expect(enter('catalog', undefined, header)).rejects.toMatchObject({ code: 'DENIED' });
  });
});

test('whatever stands in Authorization is let in or refused, never anything else', async () => {
  const header = fc.oneof(
    fc.string(),
    fc.string().map((text) => `Basic ${Buffer.from(text).toString('base64')}`),
    fc.string().map((text) => `Bearer ${text}`),
    fc.tuple(fc.base64String(), fc.base64String()).map((parts) => `Bearer ${parts.join('.')}`),
  );
  await fc.assert(
    fc.asyncProperty(header, async (text) => {
      const headers = new Headers();
      try {
        headers.set('Authorization', text);
      } catch {
        return; // no header that can arrive
      }
      const message = { ...request('GET', '/v2/'), headers };
      await expect(
        admit(registry, message, { access: 'login' }, undefined, origin),
      ).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
      });
    }),
  );
});

test('the signing keys are published for others to check tokens with, and may be cached', async () => {
  const answer = await ask(registry, request('GET', '/.well-known/jwks.json'));
  expect(answer.headers['Cache-Control']).toBe('public, max-age=300');
  expect(jsonOf(answer)).toEqual({ keys: await registry.authority.keys.published() });
});

test('the rotation of a young key changes nothing', async () => {
  const before = await registry.authority.keys.published();
  await keyRotation.run(registry);
  expect(await registry.authority.keys.published()).toEqual(before);
});
