import type { Caller } from '../auth/caller.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import type { Action } from '../domain/scope.ts';
import type { App } from './app.ts';
import type { AuditedChange, RegistryRequest, RegistryResponse } from './message.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** One admitted request on its way to a use case. */
export interface Call {
  readonly app: App;
  readonly request: RegistryRequest;
  readonly caller: Caller;
  /**
   * The registry's address as this client knows it, without a trailing slash:
   * `https://host[:port]`.
   */
  readonly origin: string;
  /** The named groups of the route's pattern. */
  readonly params: Readonly<Record<string, string>>;
}

export interface RepositoryCall extends Call {
  readonly repository: RepositoryName;
}

/**
 * What a request must be allowed before its handler runs. `open`: nothing, not even a credential is
 * looked at. `anyone`: as anonymous where anything is open to anonymous pull, else a credential;
 * one that is given must be valid and counts. `login`: a credential that is valid (`GET /v2/`).
 * `catalog`: listing repositories. `manage_…`: a right to the registry as a resource.
 */
export type RegistryAccess = 'open' | 'anyone' | 'login' | 'catalog' | ManagementAccess;
export type ManagementAccess = 'manage_read' | 'manage_write' | 'manage_delete';

interface Endpoint<Access, C> {
  readonly access: Access;
  /** Another right that is enough, which no challenge speaks of. */
  readonly orAccess?: Access;
  /** What the audit trail calls it; left out where nothing changes. */
  readonly change?: AuditedChange | 'sign-in';
  readonly handle: (call: C) => Promise<RegistryResponse>;
}

interface RouteBase {
  /** Name of the Azure Function, as the portal's metrics show it. */
  readonly name: string;
  /**
   * Route templates for the platform; each becomes a function of its own. Disjoint from all others.
   */
  readonly templates: readonly string[];
  /** Matched against the whole decoded path; decides, whatever function the platform picked. */
  readonly pattern: RegExp;
}

export interface RegistryRoute extends RouteBase {
  readonly scope: 'registry';
  readonly methods: Partial<Record<Method, Endpoint<RegistryAccess, Call>>>;
}

/**
 * A route whose pattern has a group `name`, the repository. Access is an action in that repository.
 * `sign` is what a push of a signature needs, and who may push has it, too.
 */
export interface RepositoryRoute extends RouteBase {
  readonly scope: 'repository';
  readonly methods: Partial<Record<Method, Endpoint<Action, RepositoryCall>>>;
}

export type Route = RegistryRoute | RepositoryRoute;

/** The methods that a route answers: of the management API, HEAD where GET (RFC 9110, 9.1). */
export function methodsOf(route: Route): readonly string[] {
  const methods = Object.keys(route.methods);
  return methods.flatMap((method) =>
    method === 'GET' && headIsGet(route) ? ['GET', 'HEAD'] : [method],
  );
}

/** Whether HEAD is answered as GET, whose body the server leaves out. */
export function headIsGet({ templates, methods }: Route): boolean {
  return methods.HEAD === undefined && templates.every((each) => each.startsWith('api/v1/'));
}
