/* What an actor of a model does: one request to storage after another. */
import type { Value, World } from './world.ts';

/** What an actor remembers between two of its requests. */
export type Memory = Record<string, Value>;

/** One request: changes the world, and answers the name of the next step or {@link end}. */
export type Step = (world: World, memory: Memory) => string;

export interface Program {
  readonly start: string;
  /** By names that say which request it is. */
  readonly steps: Readonly<Record<string, Step>>;
}

const endMark = 'end: ';
/** The actor is done, with this outcome. */
export const end = (outcome: string): string => endMark + outcome;
export const isEnd = (step: string): boolean => step.startsWith(endMark);

/** Whether an actor that begins anew may do so once more; counts how often it did. */
export function mayTry(memory: Memory, attempts: number): boolean {
  const tried = Number(memory['tried'] ?? 0);
  if (tried === attempts) return false;
  memory['tried'] = tried + 1;
  return true;
}

/** Runs one actor alone to its end. */
export function runAlone(world: World, program: Program): void {
  const memory: Memory = {};
  let at = program.start;
  for (let steps = 0; !isEnd(at); steps++) {
    const run = program.steps[at];
    if (run === undefined || steps > 200) throw new Error(`does not end: "${at}"`);
    at = run(world, memory);
  }
}
