import type { Binding, RegisteredFunction } from './contract.ts';
import { matchRouteTemplate, parseRouteTemplate, type RouteTemplate } from './route-template.ts';

export interface HttpRoute {
  readonly function: RegisteredFunction;
  /** The key of the trigger in the function's bindings: the library generates it. */
  readonly triggerName: string;
  readonly methods: ReadonlySet<string>;
  readonly template: RouteTemplate;
  readonly templateText: string;
}

export interface RouteMatch {
  readonly route: HttpRoute;
  readonly params: Readonly<Record<string, string>>;
}

/** The binding that starts a function, with its key, or undefined when it is of another type. */
export function findTrigger(
  { metadata }: RegisteredFunction,
  type: 'httpTrigger' | 'timerTrigger',
): readonly [name: string, binding: Binding] | undefined {
  return Object.entries(metadata.bindings).find(([, binding]) => binding.type === type);
}

/**
 * The routes in the order in which the host tries them: by function name, ignoring case.
 * Throws for what the host would not load: a reserved route, or one that two functions claim.
 */
export function buildHttpRoutes(
  functions: Iterable<RegisteredFunction>,
  routePrefix: string,
): readonly HttpRoute[] {
  const routes = [...functions]
    .map((each) => toRoute(each, routePrefix))
    .filter((route) => route !== undefined)
    .sort((a, b) => compareOrdinal(nameOf(a), nameOf(b)));
  routes.forEach((route, index) => {
    const rival = routes.slice(0, index).find((earlier) => conflict(earlier, route));
    if (rival !== undefined) {
      throw new Error(
        `Functions "${nameOf(rival)}" and "${nameOf(route)}" claim the same route and method: ${route.templateText}`,
      );
    }
  });
  return routes;
}

/**
 * First match wins. A method that a route does not take leaves the request to the routes after it.
 */
export function matchHttpRoute(
  routes: readonly HttpRoute[],
  method: string,
  path: string,
): RouteMatch | undefined {
  for (const route of routes) {
    if (!route.methods.has(method)) continue;
    const params = matchRouteTemplate(route.template, path);
    if (params !== undefined) return { route, params };
  }
  return undefined;
}

function toRoute(each: RegisteredFunction, routePrefix: string): HttpRoute | undefined {
  const trigger = findTrigger(each, 'httpTrigger');
  if (trigger === undefined) return undefined;
  const [triggerName, binding] = trigger;
  const ownRoute = binding.route ?? each.metadata.name;
  if (/^\/?(?:admin|runtime)/i.test(ownRoute)) {
    throw new Error(`Route "${ownRoute}" of "${each.metadata.name}" is reserved by the host.`);
  }
  const templateText = [routePrefix, ownRoute].filter((part) => part !== '').join('/');
  const methods = binding.methods ?? ['GET', 'POST'];
  return {
    function: each,
    triggerName,
    methods: new Set(methods.map((method) => method.toUpperCase())),
    template: parseRouteTemplate(templateText),
    templateText,
  };
}

function conflict(a: HttpRoute, b: HttpRoute): boolean {
  return (
    a.templateText === b.templateText && [...a.methods].some((method) => b.methods.has(method))
  );
}

function nameOf(route: HttpRoute): string {
  return route.function.metadata.name;
}

function compareOrdinal(a: string, b: string): number {
  const [left, right] = [a.toUpperCase(), b.toUpperCase()];
  return left < right ? -1 : left > right ? 1 : 0;
}
