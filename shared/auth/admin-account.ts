import { createHash, timingSafeEqual } from 'node:crypto';
import type { IdentityProvider } from './identity.ts';

export const adminUsername = 'admin';

/**
 * The one built-in account, user `admin`, as ACR's admin user: may do everything. Off without a
 * password.
 */
export function adminAccount(password: string | undefined): IdentityProvider {
  const expected = password === undefined ? undefined : sha256(password);
  return {
    signIn: (username, offered) => {
      if (expected === undefined || username !== adminUsername) return Promise.resolve('not-mine');
      const right = timingSafeEqual(sha256(offered), expected);
      return Promise.resolve(right ? { kind: 'admin' } : 'refused');
    },
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}
