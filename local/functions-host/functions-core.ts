/**
 * What `require('@azure/functions-core')` gives `@azure/functions` under this host
 * (see install-functions-core.ts). The exports are that module's, so their names are not ours.
 */
import { registration } from './app-registration.ts';
import type {
  FunctionCallback,
  FunctionMetadata,
  HookCallback,
  HookName,
  LogCategory,
  LogLevel,
  ProgrammingModel,
} from './contract.ts';
import { writeLog } from './host-log.ts';

/** The worker and host this one behaves like. */
export const version = '3.14.1';
export const hostVersion = '4.1052.200';

export class Disposable {
  readonly #onDispose: () => void;

  constructor(onDispose: () => void) {
    this.#onDispose = onDispose;
  }

  dispose(): void {
    this.#onDispose();
  }
}

export function registerFunction(
  metadata: FunctionMetadata,
  callback: FunctionCallback,
): Disposable {
  const { name } = metadata;
  if (registration.closed) {
    throw new Error(`Function "${name}" was registered after the app had started.`);
  }
  if (registration.functions.has(name)) {
    throw new Error(`A function with name "${name}" has already been registered.`);
  }
  registration.functions.set(name, { metadata, callback });
  return new Disposable(() => registration.functions.delete(name));
}

export function registerHook(name: HookName, callback: HookCallback): Disposable {
  const hooks = registration.hooks.get(name) ?? new Set();
  registration.hooks.set(name, hooks.add(callback));
  return new Disposable(() => hooks.delete(callback));
}

export function setProgrammingModel(model: ProgrammingModel): void {
  registration.model = model;
}

export function getProgrammingModel(): ProgrammingModel | undefined {
  return registration.model;
}

export function log(level: LogLevel, category: LogCategory, message: string): void {
  writeLog(level, category, message);
}
