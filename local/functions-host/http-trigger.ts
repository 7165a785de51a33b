import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerBuffered } from './buffered-http.ts';
import type { ProgrammingModel } from './contract.ts';
import { writeLog } from './host-log.ts';
import type { HttpProxyServer } from './http-proxy-server.ts';
import { matchHttpRoute, type HttpRoute } from './http-routes.ts';
import { parseRequestTarget } from './request-target.ts';
import { answerStreamed } from './streamed-http.ts';

export interface HttpTriggerOptions {
  readonly routes: readonly HttpRoute[];
  readonly model: ProgrammingModel;
  /** Undefined when the app has not switched streaming on: then bodies go as messages. */
  readonly proxyServer: HttpProxyServer | undefined;
  readonly scheme: 'http' | 'https';
  /** Behaves like the real host where that hurts: see `admitStrictly` and `leaveUnanswered`. */
  readonly strict: boolean;
  readonly maxBodyBytes: number;
}

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers requests with the functions that have an HTTP trigger, 404 where none matches. */
export function httpTriggerHandler(options: HttpTriggerOptions): RequestHandler {
  const { routes, model, proxyServer, strict, maxBodyBytes, scheme } = options;

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const target = parseRequestTarget(request.url ?? '');
    if (target === undefined) return endEmpty(response, 400);
    const match = matchHttpRoute(routes, request.method ?? '', target.path);
    if (match === undefined) return endEmpty(response, 404);
    request.url = target.url;
    const call = { model, match, search: target.search, scheme, request, response };
    const name = match.route.function.metadata.name;
    const answering =
      proxyServer === undefined
        ? answerBuffered(call, maxBodyBytes).catch((error: unknown) => fail(name, response, error))
        : answerStreamed(call, proxyServer, strict ? maxBodyBytes : undefined).catch(
            (error: unknown) => leaveUnanswered(name, response, error),
          );
    void answering;
  }

  /**
   * A streaming handler that throws or returns nothing sends nothing on the platform: the client
   * waits until something between it and the app loses patience. Strictly, the same happens here.
   */
  function leaveUnanswered(name: string, response: ServerResponse, error: unknown): void {
    if (strict && !response.destroyed) return logFailure(name, error);
    fail(name, response, error);
  }

  return handle;
}

function fail(name: string, response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  logFailure(name, error);
  if (response.headersSent) response.destroy();
  else endEmpty(response, 500);
}

function logFailure(name: string, error: unknown): void {
  const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
  writeLog('error', 'system', `Function "${name}" failed: ${reason}`);
}

function endEmpty(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-length': 0 }).end();
}
