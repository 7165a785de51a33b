import { expect } from 'vitest';

/** Nobody can tell just now whether the credential is right. */
export const unavailable = {
  status: 503,
  headers: { 'Retry-After': expect.stringMatching(/^\d+$/) },
  errors: [{ code: 'UNAVAILABLE', detail: { requestId: 'request-id' } }],
};
