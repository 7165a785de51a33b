import type { LocalHostOptions } from '../../local/local-host.ts';

/** What the process is told to do. The first message starts it. */
export type LighterCommand =
  | { readonly kind: 'start'; readonly options: Omit<LocalHostOptions, 'tls'> }
  | { readonly kind: 'run-timer'; readonly functionName: string }
  | { readonly kind: 'stop' };

/** What the process answers, one to each command. */
export type LighterAnswer =
  | { readonly kind: 'started'; readonly port: number }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string };
