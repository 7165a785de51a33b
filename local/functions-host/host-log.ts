import { keepAudit } from './audit-log.ts';
import type { LogCategory, LogLevel } from './contract.ts';
import { requestLine, timedLine } from './request-line.ts';

const severe: ReadonlySet<LogLevel> = new Set(['warning', 'error', 'critical']);
const silent: ReadonlySet<LogLevel> = new Set(['trace', 'debug', 'none']);

/**
 * Writes what the app logs to stdout, for people where that is a terminal and as it is, with the
 * time, where not; of what the library or this host says, only what is amiss, to stderr. The
 * audit trail goes where `keepAuditIn` says.
 */
export function writeLog(level: LogLevel, category: LogCategory, message: string): void {
  if (severe.has(level)) process.stderr.write(`${message}\n`);
  else if (category === 'user' && !silent.has(level) && !keepAudit(message)) {
    const shown = (process.stdout.isTTY ? requestLine : timedLine)(message, new Date());
    if (shown !== undefined) process.stdout.write(`${shown}\n`);
  }
}
