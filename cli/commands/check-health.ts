import type { Command } from 'commander';
import { checkConnection, type HealthCheck } from '../health/connection.ts';
import { checkInside } from '../health/inside.ts';
import { CliError } from '../cli-error.ts';
import { printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';

/** `lighter check-health` */
export const addCheckHealth: AddCommand = (program, contextOf) => {
  program
    .command('check-health')
    .description('what works between here and the registry, and inside it')
    .action(async (_options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const registry = client();
      const connection = await checkConnection(registry);
      const reached = connection.some(({ name, ok }) => ok && name === 'answer');
      const checks = [...connection, ...(reached ? await checkInside(registry) : [])];
      terminal.show(checks, () =>
        table(
          ['CHECK', 'STATE', 'TIME', ''],
          checks.map(({ name, ok, milliseconds, message }) => [
            name,
            ok ? terminal.good('ok') : terminal.bad('failed'),
            milliseconds === undefined ? '-' : `${milliseconds} ms`,
            printable(message),
          ]),
        ),
      );
      const failed = checks.filter((check: HealthCheck) => !check.ok);
      if (failed.length > 0) {
        throw new CliError(`failed: ${failed.map(({ name }) => name).join(', ')}`);
      }
    });
};
