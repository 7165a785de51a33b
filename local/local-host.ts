import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadFunctionApp, type FunctionAppOptions } from './functions-host/function-app.ts';
import { createStoragePassthrough, type PassthroughTarget } from './storage-passthrough.ts';

export interface LocalHostOptions extends Omit<FunctionAppOptions, 'scheme'> {
  readonly address: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Where redirected clients are passed on to; undefined to pass nothing on. */
  readonly storage: PassthroughTarget | undefined;
}

export interface LocalHost {
  readonly port: number;
  runTimer(functionName: string): Promise<void>;
  /** Finishes what is being answered, for a while, then ends everything. */
  stop(): Promise<void>;
}

const keepAliveMs = 130_000;
const drainMs = 3_000;

/**
 * Serves a function app, and the storage it redirects to, on one port. Rejects when the app cannot
 * be loaded or the port cannot be had.
 */
export async function startLocalHost(options: LocalHostOptions): Promise<LocalHost> {
  const { address, port, tls } = options;
  const scheme = tls === undefined ? 'http' : 'https';
  const app = await loadFunctionApp({ ...options, scheme });
  const storage = options.storage && createStoragePassthrough(options.storage);
  const serverOptions = { keepAliveTimeout: keepAliveMs, requestTimeout: 0, ...tls };
  const server = tls ? https.createServer(serverOptions) : http.createServer(serverOptions);
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    if (storage?.owns(request)) storage.handle(request, response);
    else app.handle(request, response);
  });
  const listening = once(server, 'listening');
  server.listen(port, address);
  await listening;

  return {
    port: portOf(server.address()),
    runTimer: (functionName) => app.runTimer(functionName),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      await Promise.race([closed, sleep(drainMs)]);
      server.closeAllConnections();
      storage?.stop();
      await app.stop();
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return address.port;
}
