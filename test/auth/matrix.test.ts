import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { routes } from '../../functions/routes.ts';
import { connectStorage } from '../../shared/adapters/storage.ts';
import { compose } from '../../shared/compose.ts';
import { readConfig } from '../../shared/config.ts';
import type { App } from '../../shared/http/app.ts';
import type { RegistryResponse } from '../../shared/http/message.ts';
import type { Method } from '../../shared/http/route.ts';
import { serve } from '../../shared/http/serve.ts';
import { registryEnvironment } from '../../local/registry-environment.ts';
import { keySettings } from '../contract/key-settings.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { startTestManagedIdentity, type TestManagedIdentity } from '../harness/managed-identity.ts';
import { digestOf, image, types } from '../http/client.ts';
import { exchange, get } from './entra/clients.ts';
import {
  registryAudience,
  startTestEntra,
  type TestEntra,
  userClaims,
} from './entra/test-entra.ts';
import {
  audience,
  githubClaims,
  startTestIssuer,
  type TestIssuer,
} from './federation/test-issuer.ts';
import {
  admin,
  anonymous,
  has,
  pusher,
  reader,
  repositories,
  type Repository,
  type Rights,
  roles,
  scopes,
} from './matrix-principals.ts';
import { expected } from './matrix-routes.ts';
import { policyOf } from './repository-tokens/settings.ts';
import { startTestArm, type TestArm } from './roles/arm-stand-in.ts';
import { builtInRoles } from './roles/azure-roles.ts';
import { resourceId } from './roles/judging.ts';
import { basic, bearer, jsonOf, origin, request, tokenUser } from './sign-in-app.ts';

const password = 'the-password-of-admin';
const application = {
  clientId: '1f3c7a52-aaaa-4bbb-8ccc-000000000001',
  secret: 'the-secret-of-an-application',
  objectId: '2f3c7a52-aaaa-4bbb-8ccc-000000000001',
};
const teamOnly =
  "@Request[Microsoft.ContainerRegistry/registries/repositories:name] StringStartsWith 'team/'";

let azurite: TestAzurite;
let identity: TestManagedIdentity;
let entra: TestEntra;
let arm: TestArm;
let issuer: TestIssuer;
let app: App;
let layer: string;

/** A principal by one of its credentials. */
interface Entrant {
  readonly name: string;
  readonly rights: Rights;
  readonly authorization: string | undefined;
}
const entrants: Entrant[] = [];

beforeAll(async () => {
  identity = await startTestManagedIdentity();
  [azurite, entra, arm, issuer] = await Promise.all([
    startTestAzurite(),
    startTestEntra(),
    startTestArm(resourceId, builtInRoles),
    startTestIssuer(),
  ]);
  await connectStorage(keySettings(azurite)).prepare();
  app = compose(
    readConfig({
      ...registryEnvironment({ storage: azurite, adminPassword: password, publicUrl: origin }),
      ...entra.settings,
      LIGHTER_RESOURCE_ID: resourceId,
      LIGHTER_ARM_ENDPOINT: arm.endpoint,
      LIGHTER_ANONYMOUS_PULL: 'open/*',
    }),
  );
  await fill();
  await enrol();
}, 60_000);
afterAll(() =>
  Promise.all([azurite.stop(), entra.stop(), arm.stop(), issuer.stop(), identity.stop()]),
);

interface Asked {
  readonly authorization?: string | undefined;
  readonly body?: string | undefined;
  readonly type?: string;
}

function send(method: Method, target: string, asked: Asked = {}): Promise<RegistryResponse> {
  const { authorization, body, type } = asked;
  const headers = {
    ...(authorization !== undefined && { Authorization: authorization }),
    ...(type !== undefined && { 'Content-Type': type }),
    ...(body !== undefined && { 'Content-Length': String(body.length) }),
  };
  return serve(routes, app, request(method, target, headers, body), () => undefined);
}

function textOf({ body }: RegistryResponse): string {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? Buffer.from(body).toString() : '';
}

async function asAdmin(method: Method, target: string, body?: string, type?: string) {
  const authorization = basic('admin', password);
  const answer = await send(method, target, { authorization, body, ...(type && { type }) });
  expect(answer.status, `${method} ${target} ${textOf(answer)}`).toBeLessThan(300);
  return answer;
}

/** Each repository has one image under `v1`, and is locked against deletion, so that it stays. */
async function fill(): Promise<void> {
  layer = digestOf('a layer');
  for (const name of repositories) {
    for (const blob of ['{}', 'a layer']) {
      await asAdmin('POST', `/v2/${name}/blobs/uploads/?digest=${digestOf(blob)}`, blob);
    }
    const manifest = image({
      config: { mediaType: types.config, digest: digestOf('{}'), size: 2 },
      layers: [{ mediaType: types.layer, digest: layer, size: 7 }],
    });
    await asAdmin('PUT', `/v2/${name}/manifests/v1`, JSON.stringify(manifest), types.image);
    await asAdmin('PATCH', `/acr/v1/${name}`, '{"deleteEnabled":false}');
  }
}

async function enrol(): Promise<void> {
  const everything = [
    ...[...repositories, '*'].map((name) => `scope=repository:${name}:*`),
    'scope=registry:catalog:*',
    'scope=registry:management:*',
  ].join('&');
  /** With the password itself, and with an access token to all that it permits. */
  const both = async (name: string, rights: Rights, authorization: string) => {
    const { access_token: token } = await get(app, everything, authorization);
    entrants.push({ name: `${name}, password`, rights, authorization });
    entrants.push({ name: `${name}, access token`, rights, authorization: bearer(String(token)) });
  };

  entrants.push({ name: 'anonymous', rights: anonymous, authorization: undefined });
  await both('admin', admin, basic('admin', password));

  const assigned: [string, Rights][] = [...Object.entries(roles), ['no role', anonymous]];
  for (const [index, [role, rights]] of assigned.entries()) {
    const oid = `0c5f5a0d-6a3e-4c1b-8c60-0000000000${index + 10}`;
    const condition = rights.only === undefined ? {} : { condition: teamOnly };
    arm.assignments.set(oid, role === 'no role' ? [] : [{ scope: resourceId, role, ...condition }]);
    const entraToken = await entra.sign(userClaims({ oid, aud: registryAudience }));
    const { refresh_token: refresh } = await exchange(app, entraToken);
    await both(`user with ${role}`, rights, basic(tokenUser, String(refresh)));
    if (role !== 'Owner') continue;
    const wrongly = {
      rights: { actions: [], isToken: true },
      authorization: bearer(String(refresh)),
    };
    entrants.push({ name: 'refresh token as access token', ...(wrongly as Omit<Entrant, 'name'>) });
  }

  entra.register([application]);
  arm.assignments.set(application.objectId, [{ scope: resourceId, role: 'AcrPull' }]);
  const secret = basic(application.clientId, application.secret);
  await both('service principal with AcrPull', roles['AcrPull'] ?? anonymous, secret);

  const team = (...actions: string[]) => [{ repositories: ['team/*'], actions }];
  const federation = [
    {
      name: 'github',
      issuer: issuer.issuer,
      audience,
      claims: { repository: 'org/app' },
      rules: team('content/read', 'content/write'),
    },
  ];
  const scopeMaps = [
    { name: 'readers', rules: team('content/read', 'metadata/read') },
    { name: 'pushers', rules: team('content/read', 'content/write') },
  ];
  await app.authority.policy.overwrite(policyOf({ federation, scopeMaps }));
  const job = await issuer.sign(githubClaims(issuer.issuer));
  await both('job of GitHub', pusher, basic('x', job));
  for (const [name, map, rights] of [
    ['ci', 'readers', reader],
    ['build', 'pushers', pusher],
  ] as const) {
    const json = 'application/json';
    await asAdmin('PUT', `/api/v1/tokens/${name}`, JSON.stringify({ scopeMap: map }), json);
    const target = `/api/v1/tokens/${name}/passwords/password1`;
    const made = jsonOf(await asAdmin('POST', target, '{}', json));
    await both(
      `repository token of ${map}`,
      rights,
      basic(name, String(made['value'] ?? made['password'])),
    );
  }

  for (const [scope, rights] of Object.entries(scopes)) {
    const { access_token: token } = await get(app, `scope=${scope}`, basic('admin', password));
    entrants.push({ name: `token to ${scope}`, rights, authorization: bearer(String(token)) });
    const asPassword = basic(tokenUser, String(token));
    entrants.push({ name: `token to ${scope} as password`, rights, authorization: asPassword });
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const endpoints = routes.flatMap((route) =>
  methods
    .filter((method) => route.methods[method] !== undefined)
    .map((method) => ({ method, route, key: `${method} ${route.name}` })),
);

type Verdict = 'let in' | 401 | 403;

function verdictOf({ status }: RegistryResponse): 'let in' | number {
  if (status === 401 || status === 403) return status;
  return status < 500 ? 'let in' : status;
}

function expectedVerdict(
  entrant: Entrant,
  key: string,
  repository: Repository | undefined,
): Verdict {
  const { name, rights, authorization } = entrant;
  const needs = expected[key]?.needs ?? 'open';
  if (needs === 'open') return 'let in';
  if (name === 'refresh token as access token') return 401;
  if (needs === 'anyone') return 'let in';
  if (needs === 'login') return authorization === undefined ? 401 : 'let in';
  if (has(rights, needs, repository)) return 'let in';
  return authorization?.startsWith('Basic ') === true ? 403 : 401;
}

describe('every principal, by every credential of its own, at every route', () => {
  test('has an expectation for every route, and for none that is gone', () => {
    expect(endpoints.map(({ key }) => key).toSorted()).toEqual(Object.keys(expected).toSorted());
  });

  test.each(endpoints)('$key', async ({ method, route, key }) => {
    const { target = '', body } = expected[key] ?? {};
    const places = route.scope === 'repository' ? repositories : [undefined];
    const wrong: string[] = [];
    for (const entrant of entrants) {
      // Signing in with an access token as Bearer is no way in; the other ways are tested elsewhere.
      if (route.name === 'token' && method === 'GET') continue;
      for (const place of places) {
        const { authorization } = entrant;
        const answer = await send(method, target.replace('{name}', place ?? ''), {
          authorization,
          body,
          ...(route.name === 'manifests' && { type: types.image }),
        });
        const [verdict, wanted] = [verdictOf(answer), expectedVerdict(entrant, key, place)];
        if (verdict === wanted) continue;
        wrong.push(
          `${entrant.name} in ${place}: ${answer.status} ${textOf(answer)}, not ${wanted}`,
        );
      }
    }
    expect(wrong).toEqual([]);
    expect(entrants.length).toBeGreaterThan(50);
  });
});

/** The answer without what names the repository and the digest that were asked for, and ids. */
function bare(answer: RegistryResponse, ...names: string[]): string {
  const { status, headers } = answer;
  const plain = JSON.stringify({ status, headers, body: textOf(answer) })
    .replaceAll(/\b[0-9a-f]{32}\b/g, 'ID')
    .replaceAll(/"date":"[^"]*"/gi, '');
  return names.reduce((text, name) => text.replaceAll(name, 'NAME'), plain);
}

describe('nothing tells whether there is something, to who may not see it', () => {
  const digests = [digestOf('{}'), digestOf('not there')];

  test('a repository, a tag, a blob: the same status, headers and body', async () => {
    const different: string[] = [];
    for (const entrant of entrants) {
      for (const { method, route, key } of endpoints) {
        if (route.scope !== 'repository') continue;
        const { target = '', body } = expected[key] ?? {};
        if (expectedVerdict(entrant, key, 'secret/app') === 'let in') continue;
        const { authorization } = entrant;
        const answers = new Set<string>();
        for (const name of ['secret/app', 'absent/app']) {
          const there = target.replace('{name}', name);
          for (const variant of [
            there,
            there.replace(/v1$/, 'v9'),
            ...digests.map((digest) => there.replace(/sha256:[0-9a-f]{64}/, digest)),
          ]) {
            answers.add(
              bare(await send(method, variant, { authorization, body }), name, ...digests),
            );
          }
        }
        if (answers.size > 1) different.push(`${entrant.name} ${key}: ${[...answers].join('\n')}`);
      }
    }
    expect(different).toEqual([]);
  }, 60_000);

  test('a mount from where one may not pull is an upload like any other, whatever lies there', async () => {
    // A token of the administrator mounts from where the administrator pulls.
    const blind = entrants.filter(
      ({ rights }) =>
        has(rights, ['push'], 'team/app') &&
        !has(rights, ['pull'], 'secret/app') &&
        rights.isToken !== true,
    );
    expect(blind.length).toBeGreaterThan(5);
    await asAdmin('POST', `/v2/secret/app/blobs/uploads/?digest=${digestOf('secret')}`, 'secret');
    for (const { name, authorization } of blind) {
      const answers = new Set<string>();
      for (const query of [
        `mount=${digestOf('secret')}&from=secret/app`,
        `mount=${digestOf('secret')}&from=absent/app`,
        `mount=${digests[1]}&from=secret/app`,
        `mount=${digestOf('secret')}`,
        `mount=${digests[1]}`,
      ]) {
        const target = `/v2/team/app/blobs/uploads/?${query}`;
        answers.add(bare(await send('POST', target, { authorization })));
      }
      expect([...answers], name).toHaveLength(1);
      expect([...answers][0], name).toContain('"status":202');
    }
  });

  test('a search finds only what its asker may pull', async () => {
    for (const { name, rights, authorization } of entrants) {
      if (name === 'refresh token as access token') continue;
      const { results } = jsonOf(await send('GET', '/v1/search?q=app', { authorization }));
      const may = repositories.filter((each) => has(rights, ['pull'], each)).toSorted();
      expect(results, name).toMatchObject(may.map((each) => ({ name: each })));
      expect(results, name).toHaveLength(may.length);
    }
  });
});
