import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { RegistryError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { Entra } from '../ports/entra.ts';
import { AttemptLimit } from './attempt-limit.ts';
import { entraIdentity } from './entra-identity.ts';
import type { EntraIdentity, IdentityProvider } from './identity.ts';

const guidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Entra's own secrets have 40. */
const maxSecretChars = 512;

/**
 * A secret that was deleted at Entra works for so long; one that was just made may be refused for a
 * minute.
 */
const acceptedMs = 5 * 60_000;
const refusedMs = 60_000;
const maxVerdicts = 5_000;
/** Whose secret was right within a day is not kept out by others who guess. */
const trustedMs = 24 * 60 * 60_000;
const wrongSecrets = { burst: 10, refillMs: 6_000 };

type Verdict = EntraIdentity | 'refused';

/**
 * Service principals, user name the client id and password a client secret, as Entra judges them.
 * Its verdict is remembered under a hash keyed with bytes of this instance, never the secret
 * itself. Requests that show the same secret at once share one question. Throws TOOMANYREQUESTS
 * after ten wrong secrets for a client id, and EntraUnavailable when there is no verdict.
 */
export function servicePrincipals(entra: Entra, clock: Clock): IdentityProvider {
  const hashKey = randomBytes(32);
  const limit = new AttemptLimit(wrongSecrets, clock);
  const timed = { max: maxVerdicts, perf: { now: () => clock.now().getTime() }, ttlResolution: 0 };
  const trusted = new LRUCache<string, true>({ ...timed, ttl: trustedMs });
  const verdicts = new LRUCache<string, Verdict, Shown>({
    ...timed,
    ttl: acceptedMs,
    // A verdict counts for who asked, even when others have pushed it out meanwhile.
    ignoreFetchAbort: true,
    async fetchMethod(hash, _stale, { options, context }) {
      const verdict = await judge(hash, context);
      options.ttl = verdict === 'refused' ? refusedMs : acceptedMs;
      return verdict;
    },
  });

  async function judge(hash: string, { clientId, secret }: Shown): Promise<Verdict> {
    const waitMs = trusted.has(hash) ? 0 : limit.take(clientId);
    if (waitMs > 0) throw tooManyGuesses(waitMs);
    const isCounted = !trusted.has(hash);
    const outcome = await entra.signInApplication(clientId, secret).catch((error: unknown) => {
      if (isCounted) limit.giveBack(clientId);
      throw error;
    });
    if (outcome === 'refused') {
      trusted.delete(hash);
      return outcome;
    }
    if (isCounted) limit.giveBack(clientId);
    trusted.set(hash, true);
    return entraIdentity(outcome);
  }

  return {
    async signIn(username, secret) {
      const clientId = username.toLowerCase();
      if (!guidPattern.test(clientId)) return 'not-mine';
      if (secret === '' || secret.length > maxSecretChars) return 'refused';
      const hash = createHmac('sha256', hashKey).update(`${clientId} ${secret}`).digest('base64');
      return await verdicts.forceFetch(hash, { context: { clientId, secret } });
    },
  };
}

interface Shown {
  readonly clientId: string;
  readonly secret: string;
}

function tooManyGuesses(waitMs: number): RegistryError {
  return new RegistryError('TOOMANYREQUESTS', {
    message: 'too many wrong secrets for this client id',
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
  });
}
