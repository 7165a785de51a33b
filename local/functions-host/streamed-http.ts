import { randomUUID } from 'node:crypto';
import { httpBindingData } from './binding-data.ts';
import { hostOf, httpInvocation, type HttpCall } from './http-call.ts';
import type { HttpProxyServer } from './http-proxy-server.ts';
import { invoke } from './invocation.ts';
import { admitStrictly, type ForwardedRequest } from './strict-body.ts';

/**
 * Answers with streaming on: the library's server gets the request and its response, and the
 * invocation says which function is to have them. `maxBodyBytes` set treats the body as strictly as
 * the real host. Rejects, with nothing sent, when the handler throws or returns nothing.
 */
export async function answerStreamed(
  call: HttpCall,
  proxyServer: HttpProxyServer,
  maxBodyBytes: number | undefined,
): Promise<void> {
  const { model, match, search, scheme, request, response } = call;
  const { requestTimeoutMs } = proxyServer;
  const admitted =
    maxBodyBytes === undefined
      ? { forwarded: request, bodyText: undefined }
      : await admitStrictly(request, response, { maxBodyBytes, requestTimeoutMs });
  if (admitted === undefined) return;
  const invocationId = randomUUID();
  const triggerMetadata = httpBindingData(request, search, match.params, admitted.bodyText);
  Object.assign(admitted.forwarded.headers, {
    'x-ms-invocation-id': invocationId,
    'x-forwarded-host': hostOf(call),
    'x-forwarded-proto': scheme,
  });
  proxyServer.forward(withWebBody(admitted.forwarded), response);
  await invoke(
    model,
    match.route.function,
    httpInvocation(call, invocationId, {}, triggerMetadata),
  );
  if (!response.headersSent) throw new Error('The handler returned nothing.');
}

/**
 * The request as a web stream with the few properties that the library reads: it makes a `Request`
 * of it, which takes a web stream for its body as it is, and copies every chunk of any other.
 */
function withWebBody(request: ForwardedRequest): object {
  const { method, url, headers } = request;
  if (method === 'GET' || method === 'HEAD') return request;
  return Object.assign(ReadableStream.from(request), { method, url, headers });
}
