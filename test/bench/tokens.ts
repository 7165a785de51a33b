/**
 * Prints how many tokens a warm instance issues a second, by how the caller signs in, what one
 * costs in CPU time of its process, and how long checking a token takes. Needs Linux; the load runs
 * on the same machine.
 */
import { readFile } from 'node:fs/promises';
import { connectEntra } from '../../shared/adapters/entra.ts';
import { composeAuthority } from '../../shared/auth/authority.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { startTestEntra, tenantId, userClaims } from '../auth/entra/test-entra.ts';
import { tablesOf } from '../auth/registry-tables.ts';
import { basic, host, origin, tokenUser } from '../auth/sign-in-app.ts';
import { startTestAzurite } from '../harness/azurite.ts';
import { startTestLighter } from '../harness/lighter.ts';
import { requestsPerSecond } from './load.ts';

const seconds = 4;
const concurrency = 16;
const ticksPerSecond = 100;
const application = {
  clientId: '1f3c7a52-aaaa-4bbb-8ccc-000000000001',
  secret: 'secret',
  objectId: '2f3c7a52-aaaa-4bbb-8ccc-000000000001',
};

const [azurite, entra] = await Promise.all([startTestAzurite(), startTestEntra()]);
entra.register([application]);
const lighter = await startTestLighter({
  azurite,
  strict: false,
  settings: {
    ...entra.settings,
    LIGHTER_PUBLIC_URL: origin,
    LIGHTER_ANONYMOUS_PULL: 'public/*',
    NODE_EXTRA_CA_CERTS: entra.certFile,
  },
});

async function cpuSeconds(): Promise<number> {
  const stat = await readFile(`/proc/${lighter.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

async function measure(name: string, request: string): Promise<void> {
  const bytes = Buffer.from(request);
  let sent = 0;
  const before = await cpuSeconds();
  const rate = await requestsPerSecond({
    port: Number(new URL(lighter.url).port),
    concurrency,
    seconds,
    request: () => {
      sent += 1;
      return bytes;
    },
  });
  const cpuMs = (((await cpuSeconds()) - before) / sent) * 1000;
  const perCore = Math.round(1000 / cpuMs);
  print(`${name}: ${Math.round(rate)}/s, ${cpuMs.toFixed(2)} ms CPU each (${perCore}/s a core)`);
}

function tokenRequest(authorization: string): string {
  const target = `/oauth2/token?service=${host}&scope=repository:public/app:pull`;
  return `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: ${authorization}\r\n\r\n`;
}

function exchangeRequest(token: string): string {
  const body = new URLSearchParams({ grant_type: 'access_token', access_token: token }).toString();
  return (
    `POST /oauth2/exchange HTTP/1.1\r\nHost: ${host}\r\n` +
    'Content-Type: application/x-www-form-urlencoded\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Milliseconds of one call, the median of a thousand after a warm-up. */
async function medianMs(call: () => Promise<unknown>): Promise<string> {
  for (let index = 0; index < 200; index++) await call();
  const times: number[] = [];
  for (let index = 0; index < 1000; index++) {
    const startedMs = performance.now();
    await call();
    times.push(performance.now() - startedMs);
  }
  return times.toSorted((one, other) => one - other)[500]?.toFixed(3) ?? '';
}

const entraToken = await entra.sign(userClaims());
const authority = composeAuthority(
  { adminPassword: undefined, anonymousPull: [] },
  tablesOf(azurite),
  systemClock,
);
const identity = { kind: 'entra', tenantId, objectId: application.objectId } as const;
const refresh = await authority.tokens.issueRefresh(identity, host);

await measure('refresh token', tokenRequest(basic(tokenUser, refresh.token)));
await measure('service principal', tokenRequest(basic(application.clientId, application.secret)));
await measure('Entra token', tokenRequest(basic(tokenUser, entraToken)));
await measure('exchange', exchangeRequest(entraToken));
await measure('anonymous', tokenRequest('').replace(/Authorization: \r\n/, ''));

const issue = () =>
  authority.tokens.issueAccess({
    subject: application.objectId,
    audience: host,
    access: [{ type: 'repository', name: 'public/app', actions: ['pull'] }],
    expiresAtMostMs: undefined,
  });
const fresh: string[] = [];
for (let index = 0; index < 1200; index++) fresh.push((await issue()).token);
const known = fresh[0] ?? '';
const directory = connectEntra(
  { tenantId, authority: entra.authority, appId: undefined, acceptArmTokens: false },
  systemClock,
);
print(`issue an access token: ${await medianMs(issue)} ms`);
print(
  `check an access token the first time: ${await medianMs(() =>
    authority.tokens.verifyAccess(fresh.pop() ?? '', host),
  )} ms`,
);
print(`again: ${await medianMs(() => authority.tokens.verifyAccess(known, host))} ms`);
print(`check an Entra token: ${await medianMs(() => directory.verify(entraToken))} ms`);

await lighter.stop();
await Promise.all([azurite.stop(), entra.stop()]);
