import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { registration, runHooks } from './app-registration.ts';
import type { ProgrammingModel, RegisteredFunction } from './contract.ts';
import { captureHttpProxyServer } from './http-proxy-server.ts';
import { buildHttpRoutes } from './http-routes.ts';
import { httpTriggerHandler, type RequestHandler } from './http-trigger.ts';
import { installFunctionsCore } from './install-functions-core.ts';
import { startTimerTriggers } from './timer-trigger.ts';

export interface FunctionAppOptions {
  /** The app's entry: a TypeScript module or the deployed bundle. */
  readonly appFile: string;
  readonly hostJsonFile: string;
  /** How clients reach the server in front of `handle`. */
  readonly scheme: 'http' | 'https';
  /** Behaves like the real host in the ways that hurt. Routing is the real one either way. */
  readonly strict: boolean;
  /** The host's limit for a request body; it counts in strict mode only. */
  readonly maxBodyBytes: number;
  /** False: timers run only when told to. */
  readonly schedules?: boolean;
}

export interface FunctionApp {
  /** Answers a request with the function whose route matches. */
  readonly handle: RequestHandler;
  /** Runs a timer function once, now. */
  runTimer(functionName: string): Promise<void>;
  /** Ends the timers, waits for their runs and tells the app that it ends. */
  stop(): Promise<void>;
}

/**
 * Loads a function app into this process and starts its timers. One app a process: the library
 * keeps what was registered in its module. Rejects when the app cannot be loaded, or registers what
 * the host would refuse.
 */
export async function loadFunctionApp(options: FunctionAppOptions): Promise<FunctionApp> {
  installFunctionsCore();
  await import(pathToFileURL(options.appFile).href);
  const { appHookData, functions } = registration;
  const functionAppDirectory = dirname(options.appFile);
  await runHooks('appStart', { hookData: {}, appHookData, functionAppDirectory });
  registration.closed = true;

  const { model } = registration;
  if (model === undefined) throw new Error(`${options.appFile} registers no functions.`);
  const timers = startTimerTriggers(functions.values(), model, options.schedules);
  return {
    handle: await startHttpTriggers(functions.values(), model, options),
    runTimer: (functionName) => timers.run(functionName),
    async stop() {
      await timers.stop();
      await runHooks('appTerminate', { hookData: {}, appHookData });
    },
  };
}

async function startHttpTriggers(
  functions: Iterable<RegisteredFunction>,
  model: ProgrammingModel,
  options: FunctionAppOptions,
): Promise<RequestHandler> {
  const routes = buildHttpRoutes(functions, readRoutePrefix(options.hostJsonFile));
  const proxyServer = await captureHttpProxyServer(() => model.getCapabilities({}));
  return httpTriggerHandler({ ...options, routes, model, proxyServer });
}

/** `extensions.http.routePrefix` of host.json, `api` unless set, as on the platform. */
function readRoutePrefix(hostJsonFile: string): string {
  const settings: { extensions?: { http?: { routePrefix?: unknown } } } = JSON.parse(
    readFileSync(hostJsonFile, 'utf8'),
  );
  const prefix = settings.extensions?.http?.routePrefix ?? 'api';
  if (typeof prefix !== 'string') throw new Error(`${hostJsonFile}: routePrefix is not a string.`);
  return prefix;
}
