import { RegistryError } from '../errors.ts';
import { Unavailable } from '../ports/unavailable.ts';
import type { RegistryResponse } from './message.ts';

/**
 * The one place that turns what was thrown into a response (OCI distribution-spec v1.1, "Error
 * Codes"). A 5xx tells the client the request's id and nothing of the reason. There always is a
 * detail: without one Docker's engine takes some errors for passing faults and retries them.
 */
export function errorResponse(thrown: unknown, requestId: string): RegistryResponse {
  const error = asRegistryError(thrown);
  const detail = error.status >= 500 ? undefined : error.detail;
  return {
    status: error.status,
    headers: { 'Content-Type': 'application/json', ...error.headers },
    body: JSON.stringify({
      errors: [{ code: error.code, message: error.message, detail: detail ?? { requestId } }],
    }),
  };
}

/** What was thrown as an error of the table, with what was thrown as its cause. */
export function asRegistryError(thrown: unknown): RegistryError {
  if (thrown instanceof RegistryError) return thrown;
  if (thrown instanceof Unavailable) {
    return new RegistryError('UNAVAILABLE', {
      headers: { 'Retry-After': String(thrown.retryAfterSeconds) },
      cause: thrown,
    });
  }
  return new RegistryError('UNKNOWN', { cause: thrown });
}
