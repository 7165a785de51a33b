import type { App } from './app.ts';
import { type AuditLine, auditLine, effectLine } from './audit.ts';
import { dispatch } from './dispatch.ts';
import { asRegistryError, errorResponse } from './error-response.ts';
import type { RegistryRequest, RegistryResponse } from './message.ts';
import type { Route } from './route.ts';

/** One line about one request. No credential, no query: a query may hold a signature. */
export interface RequestLog {
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly userAgent: string;
  readonly code?: string;
  /** For a 5xx: what happened, outermost first. */
  readonly causes?: readonly string[];
}

/**
 * Answers a request, whatever happens: never throws, never stays silent. `audit` hears of what the
 * audit trail is to keep.
 */
export async function serve(
  routes: readonly Route[],
  app: App,
  request: RegistryRequest,
  log: (line: RequestLog) => void,
  audit: (line: AuditLine) => void = () => undefined,
): Promise<RegistryResponse> {
  const startedAt = performance.now();
  const dispatched = await dispatch(routes, app, request);
  const failed = 'error' in dispatched;
  const answer = failed ? errorResponse(dispatched.error, request.id) : dispatched.response;
  const response: RegistryResponse = {
    ...answer,
    headers: {
      'Docker-Distribution-Api-Version': 'registry/2.0',
      'X-Ms-Correlation-Request-Id': request.id,
      ...answer.headers,
    },
  };
  log({
    requestId: request.id,
    method: request.method,
    path: request.path,
    status: response.status,
    milliseconds: Math.round(performance.now() - startedAt),
    userAgent: request.headers.get('user-agent') ?? '',
    ...(failed ? describe(dispatched.error) : {}),
  });
  const error = failed ? asRegistryError(dispatched.error) : undefined;
  const line = auditLine(request, dispatched.facts, { response, error });
  if (line !== undefined) audit(line);
  for (const effect of response.effects ?? []) audit(effectLine(effect, request));
  return response;
}

function describe(error: unknown): Pick<RequestLog, 'code' | 'causes'> {
  const { code, status } = asRegistryError(error);
  return status >= 500 ? { code, causes: causesOf(error) } : { code };
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  for (let at: unknown = error; at instanceof Error && causes.length < 5; at = at.cause) {
    causes.push(withoutSignatures(at.stack ?? at.message));
  }
  return causes;
}

function withoutSignatures(text: string): string {
  return text.replace(/([?&]sig=)[^&\s"]+/g, '$1…');
}
