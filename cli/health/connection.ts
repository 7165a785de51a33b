import { lookup } from 'node:dns/promises';
import { reasonOf } from '../client/connection-error.ts';
import { catalogScope, type RegistryClient } from '../client/registry-client.ts';

/** One thing that was looked at. */
export interface HealthCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly message: string;
  readonly milliseconds?: number | undefined;
}

/** Tokens are good for a time by the registry's clock; a client's may be off by so much. */
const maxSkewMs = 60_000;

/** What any client needs, in the order it needs it: name, connection, challenge, clock, token. */
export async function checkConnection(client: RegistryClient): Promise<HealthCheck[]> {
  const { hostname, host } = new URL(client.origin);
  const name = await timed('name', async () => {
    const addresses = await lookup(hostname.replace(/^\[|\]$/g, ''), { all: true });
    return addresses.map(({ address }) => address).join(', ');
  });
  if (!name.ok) return [name];
  let response: Response | undefined;
  const answer = await timed('answer', async () => {
    response = await client.send('/v2/', {});
    return `${client.origin}/v2/ answers ${response.status}`;
  });
  if (response === undefined) return [name, answer];
  return [
    name,
    answer,
    challengeCheck(response, host),
    clockCheck(response),
    await timed('sign-in', async () => {
      if ((await client.token(catalogScope)) !== undefined) return 'a token was issued';
      throw new Error('nobody is signed in (lighter login HOST)');
    }),
  ];
}

/** A challenge that leads elsewhere sends the clients, and their passwords, elsewhere. */
function challengeCheck({ headers, status }: Response, host: string): HealthCheck {
  const realm = /realm="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1];
  if (realm === undefined || !URL.canParse(realm)) {
    return { name: 'challenge', ok: false, message: `none in the answer ${status}: no registry?` };
  }
  return {
    name: 'challenge',
    ok: new URL(realm).host === host,
    message: realm,
  };
}

function clockCheck({ headers }: Response): HealthCheck {
  const skewMs = Date.now() - Date.parse(headers.get('date') ?? '');
  if (Number.isNaN(skewMs))
    return { name: 'own clock', ok: true, message: 'the answer has no date' };
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  const message = `${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} the registry’s`;
  return { name: 'own clock', ok: Math.abs(skewMs) <= maxSkewMs, message };
}

/** Runs a check; what it throws is its message. */
async function timed(name: string, check: () => Promise<string>): Promise<HealthCheck> {
  const startedAt = performance.now();
  const outcome = await check().then(
    (message) => ({ ok: true, message }),
    (error: unknown) => ({ ok: false, message: reasonOf(error) }),
  );
  return { name, ...outcome, milliseconds: Math.round(performance.now() - startedAt) };
}
