import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { httpBindingData, joinedHeaders } from './binding-data.ts';
import type { RpcHttpData } from './contract.ts';
import { hostOf, httpInvocation, type HttpCall } from './http-call.ts';
import { invoke } from './invocation.ts';

/**
 * Answers without streaming: whole bodies travel as messages, both ways. As on the platform, a
 * chunked body arrives empty, one above the limit is refused with 500, and a handler that returns
 * nothing answers 204. Rejects with what the handler threw.
 */
export async function answerBuffered(call: HttpCall, maxBodyBytes: number): Promise<void> {
  const { model, match, search, request, response } = call;
  const contentLength = Number(request.headers['content-length'] ?? 0);
  if (contentLength > maxBodyBytes) {
    response.writeHead(500, { connection: 'close', 'content-length': 0 }).end();
    return;
  }
  const body = contentLength > 0 ? await buffer(request) : undefined;
  const bindingData = httpBindingData(request, search, match.params, body?.toString());
  const invocation = httpInvocation(call, randomUUID(), requestData(call, body), bindingData);
  const { returnValue } = await invoke(model, match.route.function, invocation);
  respond(call, returnValue?.http);
}

function requestData(call: HttpCall, body: Buffer | undefined): RpcHttpData {
  const { match, search, scheme, request } = call;
  return {
    method: request.method ?? '',
    url: `${scheme}://${hostOf(call)}${request.url}`,
    nullableHeaders: nullable(joinedHeaders(request)),
    nullableParams: nullable(match.params),
    nullableQuery: nullable(Object.fromEntries(new URLSearchParams(search))),
    ...(body === undefined ? {} : { body: { bytes: body } }),
  };
}

function nullable(values: Readonly<Record<string, string>>): Record<string, { value: string }> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}

function respond({ request, response }: HttpCall, data: RpcHttpData | undefined): void {
  const status = data === undefined ? 204 : Number(data.statusCode);
  const bytes = data?.body?.bytes ?? new Uint8Array();
  response.writeHead(status, { ...lengthOf(request, status, bytes), ...data?.headers }).end(bytes);
}

function lengthOf(
  { method }: IncomingMessage,
  status: number,
  bytes: Uint8Array,
): { 'content-length'?: number } {
  return method === 'HEAD' || status === 204 || status === 304
    ? {}
    : { 'content-length': bytes.length };
}
