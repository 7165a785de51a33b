import { EntraUnavailable } from '../ports/entra.ts';
import { parseRetryAfter } from './retry.ts';

export interface EntraAnswer {
  readonly status: number;
  /** The body's JSON. */
  readonly json: unknown;
}

/**
 * Sends a request to Entra: GET, or POST of a form. Throws EntraUnavailable without a usable
 * answer.
 */
export type EntraHttp = (
  url: string,
  form?: Readonly<Record<string, string>>,
) => Promise<EntraAnswer>;

const timeoutMs = 5_000;
const tries = 2;
/**
 * Guesses of secrets must not use up an instance's outbound ports, of which storage needs its
 * share.
 */
const maxRequestsAtOnce = 64;

/**
 * Follows no redirect, since the answer is trusted for whom it comes from. A broken connection is
 * tried once more; all ends within five seconds, since docker gives a login fifteen and it may take
 * three requests.
 */
export function entraHttp(limitMs = timeoutMs): EntraHttp {
  let underWay = 0;
  return async (url, form) => {
    if (underWay >= maxRequestsAtOnce) throw new EntraUnavailable('too many requests at once');
    underWay += 1;
    try {
      return await send(url, {
        headers: { Accept: 'application/json' },
        redirect: 'error',
        signal: AbortSignal.timeout(limitMs),
        ...(form !== undefined && { method: 'POST', body: new URLSearchParams(form) }),
      });
    } finally {
      underWay -= 1;
    }
  };
}

async function send(url: string, init: RequestInit): Promise<EntraAnswer> {
  for (let done = 1; ; done += 1) {
    try {
      return await sendOnce(url, init);
    } catch (error) {
      if (error instanceof EntraUnavailable) throw error;
      if (done === tries || init.signal?.aborted === true) {
        throw new EntraUnavailable(`no answer from ${url}`, { cause: error });
      }
    }
  }
}

/** Throws EntraUnavailable for an answer that cannot be used, anything else when there is none. */
async function sendOnce(url: string, init: RequestInit): Promise<EntraAnswer> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.status === 429 || response.status >= 500) {
    const retryAfterSeconds = parseRetryAfter(response.headers.get('retry-after') ?? undefined);
    throw new EntraUnavailable(`${url} answered ${response.status}`, {
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }
  return { status: response.status, json: parseJson(url, text) };
}

function parseJson(url: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EntraUnavailable(`${url} answered no JSON`, { cause });
  }
}
