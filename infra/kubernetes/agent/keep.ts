import { serveHealth } from './health.ts';
import { type Options, renewAfterSeconds } from './options.ts';
import { Problem } from './problem.ts';
import { keepFresh } from './renewal.ts';

export interface Session {
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Renews once with `--once`, else until the signal, with the probe that `--health` names. */
export async function keep(
  options: Options,
  { log, signal }: Session,
  renew: () => Promise<number>,
  onFailure: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const everySeconds = renewAfterSeconds(options);
  if (options.once === true) {
    await renew();
    return;
  }
  const health = options.health === undefined ? undefined : await startProbe(options.health);
  try {
    await keepFresh({
      renew,
      onFailure,
      renewAfterSeconds: everySeconds,
      log,
      onState: (problem) => health?.set(problem),
      signal,
    });
  } finally {
    health?.stop();
  }
}

/** `address:port`. Rejects with a Problem. */
export function startProbe(text: string) {
  const [, address = '', port = ''] = /^(.+):(\d+)$/.exec(text) ?? [];
  if (address === '') throw new Problem(`--health ${text} is not an address and a port`);
  return serveHealth(address, Number(port));
}
