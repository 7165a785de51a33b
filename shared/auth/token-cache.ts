import { createHash } from 'node:crypto';

/**
 * The last tokens that were found good, so that a client's many requests cost one signature check.
 * Keyed by a hash of the token and bounded by count; the least recently used goes first. Remembers,
 * decides nothing: expiry is checked by whoever asks.
 */
export class TokenCache<Claims> {
  readonly #maxTokens: number;
  readonly #entries = new Map<string, Claims>();

  constructor(maxTokens: number) {
    this.#maxTokens = maxTokens;
  }

  get(token: string): Claims | undefined {
    const key = hashOf(token);
    const claims = this.#entries.get(key);
    if (claims === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, claims);
    return claims;
  }

  set(token: string, claims: Claims): void {
    this.#entries.set(hashOf(token), claims);
    if (this.#entries.size <= this.#maxTokens) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
