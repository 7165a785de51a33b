import { parseRepositoryName, type RepositoryName } from '../domain/repository-name.ts';
import type { Action } from '../domain/scope.ts';
import { RegistryError } from '../errors.ts';
import type { AttributeName } from '../registry/rows/attributes.ts';
import { refuseInRepositoryUnless } from '../registry/repositories/repository-attributes.ts';
import type { App } from './app.ts';
import type { RequestFacts } from './audit.ts';
import { admit } from './auth-gate.ts';
import type { RegistryRequest, RegistryResponse } from './message.ts';
import { headIsGet, methodsOf, type Route } from './route.ts';

/** What a locked repository has switched off for everybody, by what a request is about to do. */
const lockedBy: Partial<Record<Action, AttributeName>> = {
  pull: 'readEnabled',
  push: 'writeEnabled',
  sign: 'writeEnabled',
  delete: 'writeEnabled',
};

/**
 * The way of a request: its path picks the route, the route's method says what access it needs, the
 * gate lets the caller in, the repository must not be locked against it, the handler answers. Never
 * throws: what was thrown is in what it comes to.
 */
export async function dispatch(
  routes: readonly Route[],
  app: App,
  request: RegistryRequest,
): Promise<Dispatched> {
  let facts: RequestFacts = {};
  try {
    const { route, params } = findRoute(routes, request);
    const origin = app.config.publicUrl ?? checkedOrigin(request);

    if (route.scope === 'registry') {
      const endpoint = endpointOf(route, route.methods, request.method);
      facts = { access: endpoint.access, change: endpoint.change, params };
      const caller = await admit(app, request, endpoint, undefined, origin);
      facts = { ...facts, caller };
      return { facts, response: await endpoint.handle({ app, request, caller, origin, params }) };
    }
    const endpoint = endpointOf(route, route.methods, request.method);
    const repository = repositoryOf(params);
    facts = { access: endpoint.access, change: endpoint.change, params, repository };
    const caller = await admit(app, request, endpoint, repository, origin);
    facts = { ...facts, caller };
    const attribute = lockedBy[endpoint.access];
    if (attribute !== undefined) {
      await refuseInRepositoryUnless(app.registry, attribute, repository);
    }
    const call = { app, request, caller, origin, params, repository };
    return { facts, response: await endpoint.handle(call) };
  } catch (error) {
    return { facts, error };
  }
}

/** What a request came to, and what was learnt of it on the way. */
export type Dispatched =
  | { readonly facts: RequestFacts; readonly response: RegistryResponse }
  | { readonly facts: RequestFacts; readonly error: unknown };

function findRoute(routes: readonly Route[], { path }: RegistryRequest) {
  for (const route of routes) {
    const match = route.pattern.exec(path);
    if (match !== null) return { route, params: match.groups ?? {} };
  }
  throw new RegistryError('UNSUPPORTED', { status: 404, message: 'no such route' });
}

function endpointOf<E>(route: Route, methods: Partial<Record<string, E>>, method: string): E {
  const name = method === 'HEAD' && headIsGet(route) ? 'GET' : method;
  const endpoint = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (endpoint !== undefined) return endpoint;
  throw new RegistryError('UNSUPPORTED', { headers: { Allow: methodsOf(route).join(', ') } });
}

function repositoryOf({ name = '' }: Readonly<Record<string, string>>): RepositoryName {
  const repository = parseRepositoryName(name);
  if (repository !== undefined) return repository;
  throw new RegistryError('NAME_INVALID', { detail: { name } });
}

/** The Host header ends up in redirects and challenges, so it must be a plain host and port. */
function checkedOrigin({ origin }: RegistryRequest): string {
  if (/^https?:\/\/(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i.test(origin)) return origin;
  throw new RegistryError('UNSUPPORTED', { status: 400, message: 'the Host header is no host' });
}
