import { EntraUnavailable } from '../ports/entra.ts';
import { type JsonHttp, jsonHttp } from './json-http.ts';

/** Requests to Entra. Throws EntraUnavailable without a usable answer. */
export function entraHttp(limitMs?: number): JsonHttp {
  return jsonHttp((message, options) => new EntraUnavailable(message, options), limitMs);
}
