import { appendFileSync } from 'node:fs';

/** How every line of the registry's audit trail begins (shared/http/audit.ts). */
const marker = '{"audit":"lighter"';

/** Lines of the audit trail are JSON and have their time in them. */
export function isAuditLine(message: string): boolean {
  return message.startsWith(marker);
}

let auditFile: string | undefined;

/** From now on lines of the audit trail go to the end of that file, not to where the others go. */
export function keepAuditIn(file: string): void {
  auditFile = file;
}

/**
 * Keeps a line of the audit trail; false for a line that is none, or when no file keeps them. One
 * that cannot be kept is said on stderr, lest it be lost.
 */
export function keepAudit(message: string): boolean {
  if (auditFile === undefined || !isAuditLine(message)) return false;
  try {
    appendFileSync(auditFile, `${message}\n`, { mode: 0o600 });
  } catch (error) {
    process.stderr.write(`${auditFile} cannot be written (${String(error)}): ${message}\n`);
  }
  return true;
}
