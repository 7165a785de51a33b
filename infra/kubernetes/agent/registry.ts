import { ask, complaint, jsonFields, textField, type Answer } from './http.ts';
import { tokenTimes } from './jwt.ts';
import { Problem } from './problem.ts';

/** The user name that says "the password is a token" (ACR, "Authenticate with a registry"). */
export const tokenUser = '00000000-0000-0000-0000-000000000000';

export interface Registry {
  readonly origin: URL;
  /** `host[:port]`: what the names of its images begin with, and its key in a config.json. */
  readonly host: string;
}

/** What a container runtime signs in with. */
export interface Credential {
  readonly username: string;
  readonly password: string;
  /** How long it works, counted from when it was made. */
  readonly lifetimeSeconds: number;
}

/** `registry.example.com[:port]`, or `http://…` for one without TLS. Throws a Problem. */
export function parseRegistry(text: string): Registry {
  const url = URL.parse(/^https?:\/\//.test(text) ? text : `https://${text}`);
  if (url === null || url.pathname !== '/' || url.search !== '' || url.username !== '') {
    throw new Problem(`"${text}" is no registry: give its host name, such as registry.example.com`);
  }
  return { origin: new URL(url.origin), host: url.host };
}

/**
 * Trades a token that says who we are, of Entra or of a trusted OpenID issuer, for a refresh token
 * of the registry (docs/identity.md, "POST /oauth2/exchange"). Throws a Problem with the registry's
 * own reason when it refuses.
 */
export async function exchange({ origin, host }: Registry, token: string): Promise<Credential> {
  const answer = await ask('the registry', new URL('/oauth2/exchange', origin), {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'access_token', service: host, access_token: token }),
  });
  const password = textField(jsonFields(answer.text), 'refresh_token');
  if (answer.status !== 200 || password === undefined) {
    throw new Problem(
      `the registry ${host} refuses the identity: ${complaint(answer)}${clockHint(answer)}`,
    );
  }
  const { issuedAt, expiresAt } = tokenTimes(password);
  if (issuedAt === undefined || expiresAt === undefined) {
    throw new Problem(`the registry ${host} gave a refresh token that does not say when it ends`);
  }
  return { username: tokenUser, password, lifetimeSeconds: expiresAt - issuedAt };
}

/** A verdict on a password; `unknown` when the registry cannot be asked. */
export async function stillWorks(
  { origin, host }: Registry,
  { username, password }: Pick<Credential, 'username' | 'password'>,
): Promise<boolean | 'unknown'> {
  const url = new URL(`/oauth2/token?service=${host}`, origin);
  const basic = Buffer.from(`${username}:${password}`).toString('base64');
  const answer = await ask('the registry', url, {
    headers: { authorization: `Basic ${basic}` },
  }).catch(() => undefined);
  if (answer?.status === 200) return true;
  return answer?.status === 401 ? false : 'unknown';
}

/** A sentence on the difference of the clocks, when it is one that makes tokens fail. */
function clockHint({ headers }: Answer): string {
  const theirs = Date.parse(headers.get('date') ?? '');
  const aheadSeconds = Math.round((Date.now() - theirs) / 1000);
  if (!(Math.abs(aheadSeconds) > 60)) return '';
  const direction = aheadSeconds > 0 ? 'ahead of' : 'behind';
  return `; the clock here is ${Math.abs(aheadSeconds)} s ${direction} the registry's`;
}
