import type { IncomingMessage, ServerResponse } from 'node:http';
import type { InvocationRequest, ProgrammingModel, RpcHttpData, RpcTypedData } from './contract.ts';
import type { RouteMatch } from './http-routes.ts';

/** One request on its way to the function that its route picked. */
export interface HttpCall {
  readonly model: ProgrammingModel;
  readonly match: RouteMatch;
  /** The query with its question mark, empty without one. */
  readonly search: string;
  readonly scheme: 'http' | 'https';
  /** Its `url` is the one the worker is to see. */
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export function hostOf({ request }: HttpCall): string {
  return request.headers.host ?? 'localhost';
}

export function httpInvocation(
  { match }: HttpCall,
  invocationId: string,
  http: RpcHttpData,
  triggerMetadata: Readonly<Record<string, RpcTypedData>>,
): InvocationRequest {
  const { triggerName, function: target } = match.route;
  return {
    invocationId,
    functionId: target.metadata.functionId ?? target.metadata.name,
    inputData: [{ name: triggerName, data: { http } }],
    triggerMetadata,
    traceContext: {},
    retryContext: null,
  };
}
