import type { TokenCredential } from '@azure/identity';
import { RolesUnavailable } from '../ports/role-assignments.ts';
import { StorageUnavailable } from '../ports/table-store.ts';
import {
  isUndecidedStatus,
  parseRetryAfter,
  type RetryLimits,
  retrying,
  Undecided,
} from './retry.ts';

/** A sign-in waits for it, and docker waits fifteen seconds for a sign-in. */
export const armRetryLimits: RetryLimits = {
  tries: 3,
  firstDelayMs: 200,
  tryTimeoutMs: 4_000,
  deadlineMs: 6_000,
};

export interface ArmAnswer {
  readonly status: number;
  /** The body's JSON. */
  readonly json: unknown;
}

/**
 * GET from Azure Resource Manager with the app's token. `target` is a path or, of a page's
 * `nextLink`, a URL; it must stay on the endpoint, or the token would go elsewhere. Any status but
 * 408, 429 and 5xx is an answer. Throws RolesUnavailable.
 */
export type ArmHttp = (target: string) => Promise<ArmAnswer>;

export function armHttp(
  endpoint: string,
  credential: TokenCredential,
  limits: RetryLimits,
): ArmHttp {
  return async (target) => {
    if (!URL.canParse(target, endpoint) || new URL(target, endpoint).origin !== endpoint) {
      throw new RolesUnavailable(`Azure Resource Manager pointed to another place: ${target}`);
    }
    const url = new URL(target, endpoint);
    try {
      return await retrying(limits, ({ timeoutMs }) =>
        getOnce(url, credential, AbortSignal.timeout(timeoutMs)),
      );
    } catch (error) {
      throw error instanceof StorageUnavailable ? asRolesUnavailable(error) : error;
    }
  };
}

async function getOnce(
  url: URL,
  credential: TokenCredential,
  signal: AbortSignal,
): Promise<ArmAnswer> {
  const token = await tokenFor(url, credential, signal);
  const { response, text } = await send(url, token, signal);
  if (isUndecidedStatus(response.status)) {
    throw new Undecided(`Azure Resource Manager answered ${response.status}`, {
      cause: text.slice(0, 1000),
      retryAfterSeconds: parseRetryAfter(response.headers.get('retry-after') ?? undefined),
    });
  }
  return { status: response.status, json: parseJson(text) };
}

async function tokenFor(
  url: URL,
  credential: TokenCredential,
  abortSignal: AbortSignal,
): Promise<string> {
  try {
    const answer = await credential.getToken(`${url.origin}/.default`, { abortSignal });
    if (answer !== null) return answer.token;
  } catch (cause) {
    throw new Undecided('the managed identity gives no token for Azure Resource Manager', {
      cause,
    });
  }
  throw new Undecided('the managed identity gives no token for Azure Resource Manager');
}

async function send(
  url: URL,
  token: string,
  signal: AbortSignal,
): Promise<{ response: Response; text: string }> {
  try {
    const headers = { Authorization: `Bearer ${token}`, Accept: 'application/json' };
    const response = await fetch(url, { headers, redirect: 'error', signal });
    return { response, text: await response.text() };
  } catch (cause) {
    throw new Undecided('no answer from Azure Resource Manager', { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Undecided('Azure Resource Manager answered no JSON', { cause });
  }
}

/** What `retrying` throws is named after storage, for which it was written. */
function asRolesUnavailable({ message, cause }: StorageUnavailable): RolesUnavailable {
  const asked = cause instanceof Undecided ? cause.retryAfterSeconds : undefined;
  return new RolesUnavailable(message, {
    cause,
    throttled: asked !== undefined,
    ...(asked !== undefined && { retryAfterSeconds: asked }),
  });
}
