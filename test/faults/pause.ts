import { interpose, type PortCall, type Stores } from './interpose.ts';

export interface Pause {
  /** With these, the first matching call waits until `resume`. */
  readonly stores: Stores;
  /** Resolves when that call has come. */
  readonly reached: Promise<void>;
  resume(): void;
}

/** Holds one storage call back, as a stalled process or network would. */
export function pauseAt(stores: Stores, matches: (call: PortCall) => boolean): Pause {
  const reached = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  let waiting = true;
  return {
    stores: interpose(stores, async (call, proceed) => {
      if (waiting && matches(call)) {
        waiting = false;
        reached.resolve();
        await resumed.promise;
      }
      return await proceed();
    }),
    reached: reached.promise,
    resume: () => resumed.resolve(),
  };
}

/** A commit with an operation of that kind on a row whose key begins so. */
export function commits(kind: string, keyPrefix: string): (call: PortCall) => boolean {
  return ({ operations }) =>
    operations.some((each) => each.kind === kind && each.rowKey.startsWith(keyPrefix));
}
