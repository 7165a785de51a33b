import type { LogCategory, LogLevel } from './contract.ts';

const severe: ReadonlySet<LogLevel> = new Set(['warning', 'error', 'critical']);
const silent: ReadonlySet<LogLevel> = new Set(['trace', 'debug', 'none']);

/** Writes what the app logs to stdout; of what the library or this host says, only what is amiss, to stderr. */
export function writeLog(level: LogLevel, category: LogCategory, message: string): void {
  if (severe.has(level)) process.stderr.write(`${message}\n`);
  else if (category === 'user' && !silent.has(level)) process.stdout.write(`${message}\n`);
}
