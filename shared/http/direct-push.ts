import type { Config } from '../config.ts';
import { pushesDirect } from '../domain/direct-push-client.ts';
import type { Pusher } from '../registry/uploads/direct-session.ts';
import type { Call, RepositoryCall } from './route.ts';

/** Whether this client of this registry puts layers straight into storage. */
export function isDirectPush({
  app,
  request,
  caller,
  repository,
  origin,
}: RepositoryCall): boolean {
  return (
    pushesDirect(request.headers.get('user-agent') ?? '') &&
    caller.may('push', repository) &&
    isStorageReachable(app.config, origin)
  );
}

/** Whose direct uploads a request may finish; undefined when there are none. */
export function pusherOf({ app, caller, repository, origin }: RepositoryCall): Pusher | undefined {
  if (!caller.may('push', repository) || !isStorageReachable(app.config, origin)) return undefined;
  const { subject, tokenId } = caller;
  return { subject, tokenId };
}

/**
 * The address at which clients reach storage, when it is not its own: a local registry passes its
 * storage on through its own address, under the account's path.
 */
export function storageBaseFor({ app, origin }: Call): string | undefined {
  if (!app.config.local) return undefined;
  return origin + new URL(app.config.storage.blobUrl).pathname;
}

/** Storage on this machine is no address for clients, unless they are on it, too. */
function isStorageReachable({ directPush, local, storage }: Config, origin: string): boolean {
  if (!directPush) return false;
  return local || !isLoopback(storage.blobUrl) || isLoopback(origin);
}

function isLoopback(url: string): boolean {
  return /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])$/.test(new URL(url).hostname);
}
