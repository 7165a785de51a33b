import type { HookCallback, HookName, ProgrammingModel, RegisteredFunction } from './contract.ts';

/** What the app registered while it was loaded. One app a process, as in the real worker. */
export interface AppRegistration {
  readonly functions: Map<string, RegisteredFunction>;
  readonly hooks: Map<HookName, Set<HookCallback>>;
  readonly appHookData: object;
  model: ProgrammingModel | undefined;
  /** Set once the app is loaded: from then on the host refuses new functions. */
  closed: boolean;
}

export const registration: AppRegistration = {
  functions: new Map(),
  hooks: new Map(),
  appHookData: {},
  model: undefined,
  closed: false,
};

/** Runs the hooks of one name in the order they were registered. */
export async function runHooks(name: HookName, context: object): Promise<void> {
  for (const hook of registration.hooks.get(name) ?? []) await hook(context);
}
