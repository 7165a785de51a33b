import { StorageUnavailable } from '../ports/table-store.ts';
import { isUndecidedStatus, parseRetryAfter, Undecided } from './retry.ts';

/** An answer of the blob service that says no; `code` is its `x-ms-error-code`. */
export class BlobRefusal extends Error {
  override readonly name = 'BlobRefusal';
  readonly status: number;
  readonly code: string;

  constructor(message: string, status: number, code: string, cause: unknown) {
    super(message, { cause });
    this.status = status;
    this.code = code;
  }
}

/**
 * Calls the SDK once, for at most `timeoutMs`. Throws BlobRefusal when storage refused and
 * Undecided when it did not decide; StorageUnavailable when it denied access, which it may grant a
 * minute later.
 */
export async function attempt<T>(
  what: string,
  timeoutMs: number,
  call: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  try {
    return await call(controller.signal);
  } catch (cause) {
    const { isRestError } = await import('@azure/core-rest-pipeline');
    const { statusCode, code = '', response } = isRestError(cause) ? cause : {};
    if (statusCode === undefined || isUndecidedStatus(statusCode)) {
      throw new Undecided(`Blob Storage did not ${what}: ${statusCode ?? 'no answer'} ${code}`, {
        cause,
        retryAfterSeconds: parseRetryAfter(response?.headers.get('retry-after')),
      });
    }
    const message = `Blob Storage refused to ${what}: ${statusCode} ${code}`;
    if (statusCode === 401 || statusCode === 403) {
      throw new StorageUnavailable(message, {
        cause,
        retryAfterSeconds: 10,
        denied: code || String(statusCode),
      });
    }
    throw new BlobRefusal(message, statusCode, code, cause);
  } finally {
    clearTimeout(timer);
  }
}
