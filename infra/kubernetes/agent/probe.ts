import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP } from 'node:net';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { ask, complaint, jsonFields, textField } from './http.ts';
import { describe, Problem } from './problem.ts';
import type { Credential, Registry } from './registry.ts';

// Each of these is one step of a check: what it found as a few words, or a Problem.

/** The addresses of the registry's name, as this machine resolves it. */
export async function resolves({ origin }: Registry): Promise<string> {
  const hostname = bare(origin);
  if (isIP(hostname) !== 0) return `${hostname} is an address`;
  try {
    const found = await lookup(hostname, { all: true });
    return `${hostname} is ${found.map(({ address }) => address).join(', ')}`;
  } catch (error) {
    throw new Problem(`${hostname} has no address here: ${describe(error)}`, { cause: error });
  }
}

/** A TLS connection with a certificate that is trusted here; without TLS, a connection. */
export async function connects({ origin }: Registry): Promise<string> {
  const isTls = origin.protocol === 'https:';
  const port = Number(origin.port === '' ? (isTls ? 443 : 80) : origin.port);
  const host = bare(origin);
  const signal = AbortSignal.timeout(20_000);
  const servername = isIP(host) === 0 ? host : '';
  const tls = isTls ? connectTls({ host, port, servername }) : undefined;
  const socket = tls ?? connectTcp({ host, port });
  try {
    await once(socket, isTls ? 'secureConnect' : 'connect', { signal });
    if (tls === undefined) return `${origin.host} is open, without TLS`;
    const { valid_to: until } = tls.getPeerCertificate();
    return `${tls.getProtocol()}, certificate trusted, until ${new Date(until).toISOString()}`;
  } catch (error) {
    const why = signal.aborted ? 'silent for 20 s' : describe(error);
    throw new Problem(`${origin.host} cannot be connected to: ${why}`, { cause: error });
  } finally {
    socket.destroy();
  }
}

/** `/v2/`, which must ask for a token, or be open to all. */
export async function answers({ origin }: Registry): Promise<string> {
  const answer = await ask('the registry', new URL('/v2/', origin));
  if (answer.status === 200) return '/v2/ answers 200, open to all';
  const challenge = answer.headers.get('www-authenticate') ?? '';
  if (answer.status !== 401 || !challenge.startsWith('Bearer realm="')) {
    throw new Problem(`/v2/ does not answer as a registry: ${complaint(answer)}`);
  }
  return '/v2/ answers 401 and says where tokens are';
}

/** An access token for pulling from a repository. Throws a Problem, also when it allows nothing. */
export async function pullToken(
  { origin, host }: Registry,
  { username, password }: Pick<Credential, 'username' | 'password'>,
  repository: string,
): Promise<string> {
  const url = new URL('/oauth2/token', origin);
  url.searchParams.set('service', host);
  url.searchParams.set('scope', `repository:${repository}:pull`);
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  const answer = await ask('the registry', url, { headers: { authorization: `Basic ${basic}` } });
  const token = textField(jsonFields(answer.text), 'access_token');
  if (answer.status !== 200 || token === undefined) {
    throw new Problem(`the credential is refused: ${complaint(answer)}`);
  }
  const [, payload = ''] = token.split('.');
  const { access } = jsonFields(Buffer.from(payload, 'base64url').toString());
  if (Array.isArray(access) && access.length === 0) {
    throw new Problem(
      `the credential works but may not pull ${repository}: does its identity have AcrPull on the registry's resource?`,
    );
  }
  return token;
}

const bare = ({ hostname }: URL) => hostname.replaceAll(/[[\]]/g, '');
