import { createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { App } from '../../../shared/http/app.ts';
import { base, exchange, get, postForJson } from '../entra/clients.ts';
import { startTestEntra, type TestEntra, userClaims } from '../entra/test-entra.ts';
import { type MovableClock, movableClock } from '../registry-tables.ts';
import { clearSettings, policyOf } from '../repository-tokens/settings.ts';
import { basic, bearer, signInApp, tokenUser } from '../sign-in-app.ts';
import { testTables } from '../test-tables.ts';
import {
  audience,
  githubClaims,
  type IssuerKey,
  kubernetesClaims,
  makeKey,
  publicHalf,
  signWith,
  startTestIssuer,
  type TestIssuer,
} from './test-issuer.ts';

const tables = testTables();
let issuer: TestIssuer;
let stranger: TestIssuer;
let strangersKey: IssuerKey;
let app: App;
let clock: MovableClock;

beforeAll(async () => {
  [issuer, stranger, strangersKey] = await Promise.all([
    startTestIssuer(),
    startTestIssuer(),
    makeKey(),
  ]);
});
afterAll(() => Promise.all([issuer.stop(), stranger.stop()]));

const everything = [{ repositories: ['*'], actions: ['content/read', 'content/write'] }];
const rule = (changed: object = {}) => ({
  name: 'github',
  issuer: issuer.issuer,
  audience,
  claims: { repository: 'org/app', ref: ['refs/heads/main', 'refs/tags/v*'] },
  rules: everything,
  maxTokenAgeSeconds: 300,
  ...changed,
});

async function setRules(...federation: object[]): Promise<void> {
  await app.authority.policy.overwrite(policyOf({ anonymousPull: ['*'], federation }));
}

beforeEach(async () => {
  await clearSettings(tables);
  clock = movableClock();
  app = signInApp(tables, { clock, adminPassword: 'p' });
  await setRules(rule());
});

const claims = (changed: Record<string, unknown> = {}) => githubClaims(issuer.issuer, changed);
const now = () => Math.floor(clock.now().getTime() / 1000);
const token = (changed: Record<string, unknown> = {}) => issuer.sign(claims(changed));

function waysIn(credential: string): readonly (() => Promise<unknown>)[] {
  const password = (username: string) => ({
    grant_type: 'password',
    username,
    password: credential,
  });
  const scope = 'scope=repository:public/app:pull';
  return [
    () => exchange(app, credential),
    () => exchange(app, credential, { grant_type: 'access_token_refresh_token' }),
    () => postForJson(app, '/oauth2/token', password('x')),
    () => postForJson(app, '/oauth2/token', password('ci')),
    () => postForJson(app, '/oauth2/token', password(tokenUser)),
    () => get(app, scope, basic('x', credential)),
    () => get(app, scope, basic(tokenUser, credential)),
    () => base(app, basic('x', credential)),
    () => base(app, basic(tokenUser, credential)),
  ];
}

/** Tried everywhere, the token is a wrong credential everywhere. */
async function expectRefused(credential: string, status = 401): Promise<void> {
  for (const enter of waysIn(credential)) await expect(enter()).rejects.toMatchObject({ status });
}

async function expectTaken(credential: string): Promise<void> {
  for (const enter of waysIn(credential)) await enter();
}

const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signed with the issuer's key and RS256, whatever the header says. */
function signedByHand(header: object, payload: object = claims()): string {
  const signed = `${base64url(header)}.${base64url(payload)}`;
  const key = createPrivateKey({ key: { ...issuer.privateJwk }, format: 'jwk' });
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

test('a token put together by hand is taken: what follows differs from it', async () => {
  await expectTaken(signedByHand({ alg: 'RS256', kid: issuer.privateJwk.kid }));
});

test('it is no Bearer for the registry, and no refresh token', async () => {
  await expect(base(app, bearer(await token()))).rejects.toMatchObject({ status: 401 });
  const fields = { grant_type: 'refresh_token', refresh_token: await token() };
  await expect(postForJson(app, '/oauth2/token', fields)).rejects.toMatchObject({ status: 401 });
});

describe('algorithms', () => {
  test.each(['none', 'None', 'NONE', ''])('alg %j is refused', async (alg) => {
    const header = { alg, kid: issuer.privateJwk.kid };
    await expectRefused(`${base64url(header)}.${base64url(claims())}.`);
    await expectRefused(`${base64url(header)}.${base64url(claims())}.AA`);
    await expectRefused(signedByHand(header));
  });

  test.each(['sha256', 'sha384', 'sha512'])(
    'HMAC %s with the public key is refused',
    async (hash) => {
      const jwk = publicHalf(issuer.privateJwk);
      const key = createPublicKey({ key: jwk, format: 'jwk' });
      const pem = key.export({ type: 'spki', format: 'pem' }).toString();
      const secrets = [
        pem,
        pem.trim(),
        key.export({ type: 'spki', format: 'der' }),
        String(jwk['n']),
        JSON.stringify(jwk),
        '',
      ];
      const header = { alg: `HS${hash.slice(3)}`, kid: issuer.privateJwk.kid };
      for (const secret of secrets) {
        const signed = `${base64url(header)}.${base64url(claims())}`;
        const mac = createHmac(hash, secret).update(signed).digest('base64url');
        await expectRefused(`${signed}.${mac}`);
      }
    },
  );

  test.each(['RS384', 'PS256', 'ES256', 'EdDSA'])(
    'a header that says %s is refused',
    async (alg) => {
      await expectRefused(signedByHand({ alg, kid: issuer.privateJwk.kid }));
    },
  );

  test('an extension that must be understood is refused', async () => {
    const { kid } = issuer.privateJwk;
    await expectRefused(signedByHand({ alg: 'RS256', kid, crit: ['x'], x: 1 }));
    await expectRefused(signedByHand({ alg: 'RS256', kid, crit: ['b64'], b64: false }));
  });
});

describe('keys', () => {
  const byStranger = (header: Record<string, unknown>, changed = {}) =>
    signWith(strangersKey, claims(changed), header);

  test('a stranger’s signature is refused, under whatever kid', async () => {
    for (const kid of [issuer.privateJwk.kid, strangersKey.kid, undefined, '', '../keys']) {
      await expectRefused(await byStranger({ kid }));
    }
    await expectRefused(signedByHand({ alg: 'RS256', kid: 7 }));
    await expectRefused(signedByHand({ alg: 'RS256', kid: ['a'] }));
  });

  test('what the header says of keys is not looked at', async () => {
    const before = stranger.asked.length;
    const jwk = publicHalf(strangersKey);
    for (const kid of [issuer.privateJwk.kid, strangersKey.kid]) {
      await expectRefused(await byStranger({ kid, jwk }));
      await expectRefused(await byStranger({ kid, jku: `${stranger.issuer}/jwks` }));
      await expectRefused(await byStranger({ kid, x5u: `${stranger.issuer}/cert` }));
      await expectRefused(await byStranger({ kid, x5c: ['AAAA'] }));
    }
    expect(stranger.asked).toHaveLength(before);
  });

  test('a token without signature, or with another’s, is refused', async () => {
    const [one, other] = [await token(), await token({ ref: 'refs/heads/other' })];
    const [header, payload] = one.split('.');
    await expectRefused(`${header}.${payload}.`);
    await expectRefused(`${header}.${payload}`);
    await expectRefused(`${header}.${payload}.${other.split('.')[2]}`);
    await expectRefused(`${header}.${payload}.AAAA`);
  });

  test('a rule with keys of its own believes no others, not even the issuer’s', async () => {
    await setRules(rule({ jwks: { keys: [publicHalf(strangersKey)] } }));
    const before = issuer.asked.length;
    await expectRefused(await token());
    await expectTaken(await byStranger({}));
    expect(issuer.asked).toHaveLength(before);
  });

  test('a key that is none verifies nothing', async () => {
    const broken = { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'broken' };
    await setRules(rule({ jwks: { keys: [broken] } }));
    await expectRefused(signedByHand({ alg: 'ES256', kid: 'broken' }));
  });

  test('of rules of one issuer, each believes its own keys', async () => {
    const pinned = rule({
      name: 'pinned',
      claims: { ref: 'refs/heads/pinned' },
      jwks: { keys: [publicHalf(strangersKey)] },
    });
    await setRules(rule(), pinned);
    await expectTaken(await token());
    await expectTaken(await byStranger({}, { ref: 'refs/heads/pinned' }));
    await expectRefused(await byStranger({}));
    await expectRefused(await token({ ref: 'refs/heads/pinned' }));
  });
});

describe('issuers', () => {
  test('another issuer is refused and never asked, however alike its name', async () => {
    const before = [issuer.asked.length, stranger.asked.length];
    for (const iss of [
      `${issuer.issuer}/`,
      `${issuer.issuer}/evil`,
      `${issuer.issuer}.evil.example`,
      issuer.issuer.toUpperCase(),
      issuer.issuer.replace('https', 'http'),
      issuer.issuer.replace('127.0.0.1', 'localhost'),
      `${issuer.issuer}?x`,
      ` ${issuer.issuer}`,
      stranger.issuer,
    ]) {
      await expectRefused(await issuer.sign({ ...claims(), iss }));
      await expectRefused(await signWith(strangersKey, { ...claims(), iss }));
    }
    for (const iss of [undefined, null, '', [issuer.issuer], { issuer: issuer.issuer }]) {
      await expectRefused(
        signedByHand({ alg: 'RS256', kid: issuer.privateJwk.kid }, { ...claims(), iss }),
      );
    }
    expect([issuer.asked.length, stranger.asked.length]).toEqual(before);
  });

  test('the token of one issuer that a rule names is not another’s', async () => {
    await setRules(rule(), rule({ name: 'other', issuer: stranger.issuer }));
    await expectRefused(await stranger.sign(claims()));
    await expectRefused(await issuer.sign(githubClaims(stranger.issuer)));
    await expectTaken(await stranger.sign(githubClaims(stranger.issuer)));
  });

  test('the own tokens of the registry are not decided by rules', async () => {
    await setRules(rule());
    const { refresh_token: own = '' } = await exchange(app, await token());
    expect(await base(app, basic(tokenUser, own))).toBe(200);
    await expect(base(app, basic('x', own))).rejects.toMatchObject({ status: 401 });
    await expect(exchange(app, own)).rejects.toMatchObject({ status: 401 });
  });
});

describe('audience', () => {
  test.each([
    ['another', 'https://github.com/org'],
    ['one that begins so', `${audience}.evil.example`],
    ['in another case', audience.toUpperCase()],
    ['with a slash', `${audience}/`],
    ['several', [audience, 'other']],
    ['several, ours last', ['other', audience]],
    ['ours twice', [audience, audience]],
    ['a pattern', '*'],
    ['none', undefined],
    ['an empty list', []],
    ['no text', { 0: audience }],
  ])('%s is refused', async (_what, aud) => {
    const header = { alg: 'RS256', kid: issuer.privateJwk.kid };
    await expectRefused(signedByHand(header, { ...claims(), aud }));
  });

  test('a list of just ours is ours, as Kubernetes writes it', async () => {
    await expectTaken(await token({ aud: [audience] }));
  });
});

describe('times', () => {
  test.each<[string, (at: number) => Record<string, unknown>]>([
    ['has ended', (at) => ({ exp: at - 61 })],
    ['has no end', () => ({ exp: undefined })],
    ['is not valid yet', (at) => ({ nbf: at + 62 })],
    ['was issued in the future', (at) => ({ iat: at + 62, exp: at + 600 })],
    ['has no time of issue', () => ({ iat: undefined })],
    ['was issued too long ago, though it goes on', (at) => ({ iat: at - 362, exp: at + 9999 })],
    ['has no subject', () => ({ sub: undefined })],
    ['has an empty subject', () => ({ sub: '' })],
    ['has an endless subject', () => ({ sub: 'x'.repeat(1001) })],
  ])('one that %s is refused', async (_what, changed) => {
    await expectRefused(await token(changed(now())));
  });

  test.each([
    ['exp', 'soon'],
    ['iat', 'now'],
    ['nbf', 'now'],
    ['sub', 7],
    ['exp', null],
  ])('a %s of %j is refused', async (name, value) => {
    const header = { alg: 'RS256', kid: issuer.privateJwk.kid };
    await expectRefused(signedByHand(header, { ...claims(), [name]: value }));
  });

  test('a minute of skew is forgiven', async () => {
    await expectTaken(await token({ exp: now() - 50 }));
    await expectTaken(await token({ nbf: now() + 50, iat: now() + 50 }));
  });

  test('a token works again and again until it is too old', async () => {
    const shown = await token({ exp: now() + 9999 });
    await expectTaken(shown);
    clock.advance(290);
    await expectTaken(shown);
    clock.advance(80);
    await expectRefused(shown);
  });

  test('the age is the rule’s own: one may take what another no longer does', async () => {
    await setRules(rule(), rule({ name: 'patient', maxTokenAgeSeconds: 7200 }));
    const shown = await token({ exp: now() + 9999 });
    clock.advance(3600);
    await expectTaken(shown);
    clock.advance(3700);
    await expectRefused(shown);
  });
});

describe('claims', () => {
  test.each<[string, Record<string, unknown>]>([
    ['is missing', { repository: undefined }],
    ['is null', { repository: null }],
    ['is an object', { repository: { name: 'org/app' } }],
    ['begins so', { repository: 'org/app-evil' }],
    ['ends so', { repository: 'evil/org/app' }],
    ['differs in case', { repository: 'Org/App' }],
    ['has a line feed more', { repository: 'org/app\n' }],
    ['is a star', { repository: '*' }],
    ['is a list of others', { repository: ['org/other', 'x'] }],
    ['is an empty list', { repository: [] }],
    ['is a list in a list', { repository: [['org/app']] }],
    ['fits one condition and not the other', { ref: 'refs/heads/main2' }],
    ['has the text before the star elsewhere', { ref: 'x/refs/tags/v1' }],
  ])('one that %s is refused', async (_what, changed) => {
    await expectRefused(await token(changed));
  });

  test('a list that has it is enough, and so is an alternative with a star', async () => {
    await expectTaken(await token({ repository: ['x', 'org/app'] }));
    await expectTaken(await token({ ref: 'refs/tags/v1.2.3' }));
  });

  test.each<[string, object]>([
    ['a deep pointer', { '/kubernetes.io/pod/name/x': 'web-0' }],
    ['a pointer that ends too soon', { '/kubernetes.io/pod': 'web-0' }],
    ['a claim of all objects', { constructor: '*', '/kubernetes.io/namespace': 'other' }],
    ['the prototype', { '/__proto__/toString': 'x' }],
    ['the length of a list', { '/aud/length': '1' }],
    ['an index that is no number', { '/aud/-1': audience }],
    ['a dot instead of a slash', { 'kubernetes.io.namespace': 'apps' }],
  ])('%s leads nowhere', async (_what, conditions) => {
    await setRules(rule({ claims: conditions }));
    await expectRefused(await issuer.sign(kubernetesClaims(issuer.issuer)));
  });

  test('pointers lead into objects and lists, with a slash in a name escaped', async () => {
    const conditions = {
      '/kubernetes.io/pod/name': 'web-*',
      '/aud/0': audience,
      '/a~1b/~0': 'true',
    };
    await setRules(rule({ claims: conditions }));
    await expectTaken(
      await issuer.sign({ ...kubernetesClaims(issuer.issuer), 'a/b': { '~': true } }),
    );
  });
});

describe('a rule for the tenant of Entra', () => {
  let entra: TestEntra;
  beforeAll(async () => {
    entra = await startTestEntra();
  });
  afterAll(() => entra.stop());

  test('decides nothing: its tokens are Entra’s, by their own checks', async () => {
    app = signInApp(tables, { clock, entra: entra.settings });
    const claimed = { tid: '*', ver: '1.0' };
    const aud = 'https://containerregistry.azure.net';
    const issuers = [
      'https://sts.windows.net/7e1a0c52-3f0e-4b5a-9d55-5a5b0c9d2f10/',
      entra.issuerV2,
    ];
    const federation = issuers.map((name, index) =>
      rule({ name: `entra${index}`, issuer: name, audience: aud, claims: claimed }),
    );
    await setRules(...federation);
    const ofUser = await entra.sign(userClaims());
    await expect(base(app, basic('x', ofUser))).rejects.toMatchObject({ status: 401 });
    const { refresh_token: refreshToken = '' } = await exchange(app, ofUser);
    const payload: unknown = JSON.parse(
      Buffer.from(refreshToken.split('.')[1] ?? '', 'base64url').toString(),
    );
    expect(payload).toMatchObject({ identity: { kind: 'entra' } });
    const noAccessToken = await entra.sign(userClaims({ appid: undefined }));
    await expect(exchange(app, noAccessToken)).rejects.toMatchObject({ status: 401 });
  });
});

describe('what is shown', () => {
  test.each([
    ['too long', 'x'.repeat(17_000)],
    ['no JSON', `${base64url({})}.${Buffer.from('{').toString('base64url')}.AA`],
    ['no object', `${base64url({ alg: 'RS256' })}.${base64url('x')}.AA`],
    ['null', `${base64url({ alg: 'RS256' })}.${base64url(null)}.AA`],
    ['empty', 'a..b'],
  ])('%s is refused', async (_what, text) => {
    await expectRefused(text);
  });

  test('a token of more than 16 KiB is refused, however well it is signed', async () => {
    await expectRefused(await token({ filler: 'x'.repeat(13_000) }));
    await expectTaken(await token({ filler: 'x'.repeat(8_000) }));
  });

  test('the reason of a refusal says nothing of what the rules ask', async () => {
    const reason = async (shown: string): Promise<string> =>
      JSON.stringify(await exchange(app, shown).catch((error: unknown) => Object(error).errors));
    const told = await Promise.all([
      reason(await token({ aud: 'other' })),
      reason(await token({ repository: 'org/other' })),
      reason(await token({ exp: now() - 100 })),
      reason(await token({ iat: now() - 1000 })),
      reason(await signWith(strangersKey, claims())),
    ]);
    expect(told.map((text) => /refused: ([^"]*)"/.exec(text)?.[1])).toEqual([
      'it is for another audience, or for several',
      'no rule of this registry fits its claims',
      'it has ended',
      'it was issued too long ago',
      'its signature is by no key of its issuer',
    ]);
    for (const secret of [audience, 'org/app', 'refs/']) expect(told.join()).not.toContain(secret);
  });

  test('a token that no rule accepts is not tried as a password', async () => {
    const refused = await token({ repository: 'org/other' });
    app = signInApp(tables, { clock, adminPassword: refused });
    await expect(base(app, basic('admin', refused))).rejects.toMatchObject({ status: 401 });
    await setRules();
    expect(await base(app, basic('admin', refused))).toBe(200);
  });

  test('a password that only looks like a token is a password', async () => {
    app = signInApp(tables, { adminPassword: 'a.b.c' });
    expect(await base(app, basic('admin', 'a.b.c'))).toBe(200);
    const like = `${base64url({})}.${base64url({ iss: 'https://unknown.example' })}.AA`;
    app = signInApp(tables, { adminPassword: like });
    expect(await base(app, basic('admin', like))).toBe(200);
  });
});
