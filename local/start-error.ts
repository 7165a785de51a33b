import { FolderInUseError } from './folder-lock.ts';
import type { LocalSettings } from './settings.ts';

/** One line on why it did not start and, where there is something, what to do about it. */
export function explainStartError(error: unknown, settings: LocalSettings): string {
  if (!(error instanceof Error)) return String(error);
  const { address, port, dataFolder } = settings;
  if (error instanceof FolderInUseError) {
    return `Another Lighter is using the data folder ${dataFolder}. End it, or set LIGHTER_DATA to another folder and LIGHTER_PORT to another port.`;
  }
  const code = 'code' in error ? error.code : undefined;
  const isNetwork =
    'syscall' in error && /^(?:listen|bind|getaddrinfo)$/.test(String(error.syscall));
  if (isNetwork) {
    if (code === 'EADDRINUSE') {
      return `Port ${port} of ${address} is taken. Set LIGHTER_PORT to another one.`;
    }
    if (code === 'EACCES') return `Port ${port} needs rights this user lacks. Set LIGHTER_PORT.`;
    return `LIGHTER_HOST is no address of this machine: ${address} (${String(code)}).`;
  }
  const isFile = 'path' in error && typeof code === 'string';
  if (isFile) {
    return `The data folder ${dataFolder} cannot be used (${code}). Set LIGHTER_DATA to another one.`;
  }
  return error.message;
}
