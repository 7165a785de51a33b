import { createHash, timingSafeEqual } from 'node:crypto';
import { RegistryError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { AttemptLimit } from './attempt-limit.ts';
import type { IdentityProvider } from './identity.ts';

export const adminUsername = 'admin';

const wrongPasswords = { burst: 10, refillMs: 6_000 };

/**
 * The one built-in account, user `admin`, as ACR's admin user: may do everything. Off without a
 * password. Throws TOOMANYREQUESTS for a wrong password after many wrong ones; the right one is
 * never held up, so that nobody locks the administrator out by guessing.
 */
export function adminAccount(password: string | undefined, clock: Clock): IdentityProvider {
  const limit = new AttemptLimit(wrongPasswords, clock);
  const expected = password === undefined ? undefined : sha256(password);
  return {
    signIn: (username, offered) => {
      if (expected === undefined || username !== adminUsername) return Promise.resolve('not-mine');
      if (timingSafeEqual(sha256(offered), expected)) return Promise.resolve({ kind: 'admin' });
      const waitMs = limit.take(adminUsername);
      return waitMs > 0 ? Promise.reject(tooManyGuesses(waitMs)) : Promise.resolve('refused');
    },
  };
}

function tooManyGuesses(waitMs: number): RegistryError {
  return new RegistryError('TOOMANYREQUESTS', {
    message: 'too many wrong passwords for this account',
    headers: { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
    who: { credential: 'password', claimed: adminUsername },
  });
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
