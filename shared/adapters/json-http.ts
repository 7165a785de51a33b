import { Unavailable } from '../ports/unavailable.ts';
import { parseRetryAfter } from './retry.ts';

export interface JsonAnswer {
  readonly status: number;
  /** The body's JSON. */
  readonly json: unknown;
}

/** Sends a request: GET, or POST of a form. Throws what was agreed without a usable answer. */
export type JsonHttp = (
  url: string,
  form?: Readonly<Record<string, string>>,
) => Promise<JsonAnswer>;

/** Makes the error that says that there is no usable answer. */
export type MakeUnavailable = (
  message: string,
  options?: { cause?: unknown; retryAfterSeconds?: number },
) => Unavailable;

const timeoutMs = 5_000;
const tries = 2;
/** Key sets have some ten KiB. */
const maxBodyBytes = 512 * 1024;
/**
 * Guesses must not use up an instance's outbound ports, of which storage needs its share.
 */
const maxRequestsAtOnce = 64;

/**
 * Follows no redirect, since the answer is trusted for whom it comes from. A broken connection is
 * tried once more; all ends within five seconds, since docker gives a login fifteen and it may take
 * three requests.
 */
export function jsonHttp(unavailable: MakeUnavailable, limitMs = timeoutMs): JsonHttp {
  let underWay = 0;
  return async (url, form) => {
    if (underWay >= maxRequestsAtOnce) throw unavailable('too many requests at once');
    underWay += 1;
    try {
      return await send(unavailable, url, {
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

async function send(
  unavailable: MakeUnavailable,
  url: string,
  init: RequestInit,
): Promise<JsonAnswer> {
  for (let done = 1; ; done += 1) {
    try {
      return await sendOnce(unavailable, url, init);
    } catch (error) {
      if (error instanceof Unavailable) throw error;
      if (done === tries || init.signal?.aborted === true) {
        throw unavailable(`no answer from ${url}`, { cause: error });
      }
    }
  }
}

/** Throws Unavailable for an answer that cannot be used, anything else when there is none. */
async function sendOnce(
  unavailable: MakeUnavailable,
  url: string,
  init: RequestInit,
): Promise<JsonAnswer> {
  const response = await fetch(url, init);
  const text = await readText(response);
  if (text === undefined) throw unavailable(`${url} answered more than ${maxBodyBytes} bytes`);
  if (response.status === 429 || response.status >= 500) {
    const retryAfterSeconds = parseRetryAfter(response.headers.get('retry-after') ?? undefined);
    throw unavailable(`${url} answered ${response.status}`, {
      ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
    });
  }
  try {
    const json: unknown = JSON.parse(text);
    return { status: response.status, json };
  } catch (cause) {
    throw unavailable(`${url} answered no JSON`, { cause });
  }
}

/** Undefined when the body, decompressed, is too long; the rest is not read then. */
async function readText({ body }: Response): Promise<string | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBodyBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
