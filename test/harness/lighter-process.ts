/** The process in which a test's registry runs: see lighter.ts. It ends when its test is gone. */
import { startLocalHost, type LocalHost } from '../../local/local-host.ts';
import type { LighterAnswer, LighterCommand } from './lighter-messages.ts';

let host: LocalHost | undefined;

async function obey(command: LighterCommand): Promise<LighterAnswer> {
  switch (command.kind) {
    case 'start':
      host = await startLocalHost({ ...command.options, tls: undefined });
      return { kind: 'started', port: host.port };
    case 'run-timer':
      await host?.runTimer(command.functionName);
      return { kind: 'done' };
    case 'stop':
      await host?.stop();
      return { kind: 'done' };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

process.on('message', (command: LighterCommand) => {
  obey(command)
    .catch((error: unknown): LighterAnswer => ({ kind: 'failed', message: describe(error) }))
    .then((answer) => process.send?.(answer))
    .catch(() => process.exit(1));
});
process.on('disconnect', () => process.exit(0));
