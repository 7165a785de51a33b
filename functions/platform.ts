import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions';
import type { RegistryRequest, RegistryResponse } from '../shared/http/message.ts';

/**
 * A platform request as the registry's own. The path comes from the URL, which the platform
 * re-encoded after it decoded it once; a `%2F` that it left is a slash, as it is in Azure.
 */
export function toRegistryRequest(
  request: HttpRequest,
  context: InvocationContext,
): RegistryRequest {
  const url = new URL(request.url);
  const { headers } = request;
  return {
    method: request.method,
    path: decodePath(url.pathname),
    query: url.searchParams,
    origin: url.origin,
    headers,
    body: hasNoBody(headers) ? undefined : (request.body ?? undefined),
    id: context.invocationId,
  };
}

export function toHttpResponse({ status, headers, body }: RegistryResponse): HttpResponseInit {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : undefined;
  const sized = body instanceof Uint8Array ? body.byteLength : length;
  return {
    status,
    headers: sized === undefined ? headers : { ...headers, 'Content-Length': String(sized) },
    ...(body === undefined ? {} : { body }),
  };
}

function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname).replaceAll(/%2f/gi, '/');
  } catch {
    return pathname;
  }
}

function hasNoBody(headers: Headers): boolean {
  const length = headers.get('content-length');
  return length === '0' || (length === null && headers.get('transfer-encoding') === null);
}
