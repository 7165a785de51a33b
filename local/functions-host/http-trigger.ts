import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { httpBindingData } from './binding-data.ts';
import type { ProgrammingModel } from './contract.ts';
import { writeLog } from './host-log.ts';
import type { HttpProxyServer } from './http-proxy-server.ts';
import { matchHttpRoute, type HttpRoute, type RouteMatch } from './http-routes.ts';
import { invoke } from './invocation.ts';
import { parseRequestTarget, type RequestTarget } from './request-target.ts';
import { admitStrictly, type AdmittedRequest } from './strict-body.ts';

export interface HttpTriggerOptions {
  readonly routes: readonly HttpRoute[];
  readonly model: ProgrammingModel;
  readonly proxyServer: HttpProxyServer;
  readonly scheme: 'http' | 'https';
  /** Behaves like the real host where that hurts: see `admitStrictly` and `leaveUnanswered`. */
  readonly strict: boolean;
  readonly maxBodyBytes: number;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers requests with the functions that have an HTTP trigger, 404 where none matches. */
export function httpTriggerHandler(options: HttpTriggerOptions): RequestHandler {
  return (request, response) => {
    const target = parseRequestTarget(request.url ?? '');
    if (target === undefined) return endEmpty(response, 400);
    const match = matchHttpRoute(options.routes, request.method ?? '', target.path);
    if (match === undefined) return endEmpty(response, 404);
    answer(options, match, target, request, response).catch((error: unknown) =>
      leaveUnanswered(options, match, response, error),
    );
  };
}

async function answer(
  options: HttpTriggerOptions,
  { route, params }: RouteMatch,
  target: RequestTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.url = target.url;
  const admitted = await admit(options, request, response);
  if (admitted === undefined) return;
  const invocationId = randomUUID();
  const triggerMetadata = httpBindingData(request, target.search, params, admitted.bodyText);
  Object.assign(admitted.forwarded.headers, {
    'x-ms-invocation-id': invocationId,
    'x-forwarded-host': request.headers.host ?? 'localhost',
    'x-forwarded-proto': options.scheme,
  });
  options.proxyServer.forward(admitted.forwarded, response);
  await invoke(options.model, route.function, {
    invocationId,
    functionId: route.function.metadata.functionId ?? route.function.metadata.name,
    inputData: [{ name: route.triggerName, data: { http: {} } }],
    triggerMetadata,
    traceContext: {},
    retryContext: null,
  });
  if (!response.headersSent && !response.destroyed)
    throw new Error('The handler returned nothing.');
}

async function admit(
  { strict, maxBodyBytes, proxyServer }: HttpTriggerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<AdmittedRequest | undefined> {
  if (!strict) return { forwarded: request, bodyText: undefined };
  const { requestTimeoutMs } = proxyServer;
  return admitStrictly(request, response, { maxBodyBytes, requestTimeoutMs });
}

/**
 * A handler that throws or returns nothing sends nothing on the platform: the client waits until
 * something between it and the app loses patience. Strictly, the same happens here.
 */
function leaveUnanswered(
  { strict }: HttpTriggerOptions,
  { route }: RouteMatch,
  response: ServerResponse,
  error: unknown,
): void {
  const name = route.function.metadata.name;
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeLog('error', 'system', `Function "${name}" left a request unanswered: ${reason}`);
  if (strict || response.destroyed) return;
  if (response.headersSent) response.destroy();
  else endEmpty(response, 500);
}

function endEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}
