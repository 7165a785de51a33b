/*
 * A small explicit-state model checker. A model is a few rows and a few actors; every step of an
 * actor is one request to storage, done whole or not at all. All interleavings are explored, so a
 * stall is any delay, and a crash an actor that never takes its next step.
 */
import { isEnd, type Memory, type Program } from './program.ts';
import { Etag, type Operation, type Properties, type Row, World } from './world.ts';

export type Actors = Readonly<Record<string, Program>>;

export interface Model {
  /** Rows that are there at the start, with what they hold. */
  readonly start: Readonly<Record<string, Properties>>;
  /** Each with a name of its own. */
  readonly actors: Actors;
  /** What must hold in every state; a sentence when it does not. */
  readonly invariant: (world: World) => string | undefined;
  /**
   * What must hold when everybody dies, in any state, and one sweep then runs alone: `sweep` runs
   * to its end, and `clean` looks at what is left.
   */
  readonly afterwards?: {
    readonly sweep: (world: World) => void;
    readonly clean: (world: World) => string | undefined;
  };
  /** How many writes the network delivers once more, at any later moment. */
  readonly duplicates?: number;
}

/** For `clean`: a sentence when any of these rows is left. */
export function leftBehind(world: World, keys: readonly string[]): string | undefined {
  const left = keys.filter((key) => world.has(key));
  return left.length > 0 ? `K4 left: ${left.join(', ')}` : undefined;
}

export interface Result {
  readonly states: number;
  /** Why the model fails, with the requests that lead there; undefined when it holds. */
  readonly counterexample: { readonly problem: string; readonly trace: string[] } | undefined;
}

interface Actor {
  readonly name: string;
  readonly program: Program;
}

interface Place {
  readonly at: string;
  readonly memory: Memory;
}

interface State {
  readonly world: World;
  readonly places: readonly Place[];
}

/** Explores every interleaving, or stops at the first state that is wrong. */
export function explore(model: Model, maxStates = 5_000_000): Result {
  const { invariant, afterwards } = model;
  const actors = Object.entries(model.actors).map(([name, program]) => ({ name, program }));
  const seen = new Map<string, number>();
  const cameFrom: { readonly state: number; readonly request: string }[] = [];
  const stack: { readonly state: State; readonly id: number }[] = [];
  const judged = new Set<string>();

  const discover = (state: State, from: number, request: string) => {
    const key = keyOf(state, actors);
    if (seen.has(key)) return;
    seen.set(key, cameFrom.length);
    stack.push({ state, id: cameFrom.length });
    cameFrom.push({ state: from, request });
  };
  const traceTo = (id: number) => {
    const trace: string[] = [];
    for (let at = id; at > 0; at = cameFrom[at]?.state ?? 0) {
      trace.unshift(cameFrom[at]?.request ?? '');
    }
    return trace;
  };
  const judge = ({ world }: State): string | undefined => {
    const key = rowsKey(world, new Map());
    if (judged.has(key)) return undefined;
    judged.add(key);
    const problem = invariant(world);
    if (problem !== undefined || afterwards === undefined) return problem;
    const later = new World(world.rows, 0);
    afterwards.sweep(later);
    return invariant(later) ?? afterwards.clean(later);
  };

  discover(startOf(model, actors), 0, '');
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { state, id } = next;
    const problem = judge(state);
    if (problem !== undefined) {
      return { states: seen.size, counterexample: { problem, trace: traceTo(id) } };
    }
    if (seen.size > maxStates) throw new Error(`more than ${maxStates} states`);
    actors.forEach((_, index) => {
      const stepped = step(state, actors, index);
      if (stepped !== undefined) discover(stepped.state, id, stepped.request);
    });
    for (const stepped of redeliveries(state)) discover(stepped.state, id, stepped.request);
  }
  return { states: seen.size, counterexample: undefined };
}

function startOf({ start, duplicates = 0 }: Model, actors: readonly Actor[]): State {
  const rows = new Map<string, Row>();
  for (const [key, properties] of Object.entries(start)) {
    rows.set(key, { etag: new Etag(), properties });
  }
  const places = actors.map(({ program }) => ({ at: program.start, memory: {} }));
  return { world: new World(rows, duplicates), places };
}

function step(
  { world, places }: State,
  actors: readonly Actor[],
  index: number,
): { readonly state: State; readonly request: string } | undefined {
  const actor = actors[index];
  const place = places[index];
  if (actor === undefined || place === undefined || isEnd(place.at)) return undefined;
  const run = actor.program.steps[place.at];
  if (run === undefined) throw new Error(`${actor.name} has no step "${place.at}"`);
  const next = new World(world.rows, world.duplicatesLeft, world.sent);
  const memory = { ...place.memory };
  const at = run(next, memory);
  next.sent = next.sent.filter((write) => mayStillSucceed(next, write));
  const moved = { at, memory: isEnd(at) ? {} : memory };
  return {
    state: { world: next, places: places.with(index, moved) },
    request: `${actor.name}: ${place.at} → ${at}`,
  };
}

/** The network delivers a write that was sent before, and done or not, once more. */
function* redeliveries({ world, places }: State) {
  for (const write of world.duplicatesLeft > 0 ? world.sent : []) {
    const next = new World(world.rows, world.duplicatesLeft - 1);
    if (!next.deliver(write)) continue;
    const what = write.map(({ kind, key }) => `${kind} ${key}`).join(', ');
    yield { state: { world: next, places }, request: `network: delivers again {${what}}` };
  }
}

/** ETags do not come back: what asks for one that is gone can never succeed again. */
function mayStillSucceed(world: World, write: readonly Operation[]): boolean {
  return write.every(
    (operation) =>
      !('etag' in operation) ||
      operation.etag === '*' ||
      world.etag(operation.key) === operation.etag,
  );
}

/*
 * Two states are one when they differ in the values of their ETags only, not in which of them are
 * equal, or in which of two actors of one program is which.
 */
function keyOf({ world, places }: State, actors: readonly Actor[]): string {
  const names = new Map<Etag, number>();
  const rows = rowsKey(world, names);
  const programs = [...new Set(actors.map(({ program }) => program))];
  const ordered = places
    .map((place, index) => ({
      place,
      rank: `${programs.indexOf(actors[index]?.program ?? { start: '', steps: {} })} ${place.at}`,
    }))
    .toSorted((a, b) => (a.rank < b.rank ? -1 : 1));
  const actorsKey = ordered
    .map(({ rank, place }) => `${rank}${valuesKey(place.memory, names)}`)
    .join('|');
  const sent = world.sent
    .map((write) => write.map((operation) => operationKey(operation, names)).join(','))
    .join(';');
  return `${rows}|${actorsKey}|${world.duplicatesLeft}${sent}`;
}

function rowsKey({ rows }: World, names: Map<Etag, number>): string {
  return [...rows.keys()]
    .toSorted()
    .map((key) => {
      const row = rows.get(key);
      return row === undefined
        ? ''
        : `${key}${etagName(row.etag, names)}${valuesKey(row.properties, names)}`;
    })
    .join(' ');
}

function operationKey(operation: Operation, names: Map<Etag, number>): string {
  const etag = 'etag' in operation && operation.etag !== undefined ? operation.etag : '';
  const properties = 'properties' in operation ? valuesKey(operation.properties, names) : '';
  return `${operation.kind}${operation.key}${etag instanceof Etag ? etagName(etag, names) : etag}${properties}`;
}

function valuesKey(values: Properties, names: Map<Etag, number>): string {
  let key = '';
  for (const name of Object.keys(values).toSorted()) {
    const value = values[name];
    if (value === undefined) continue;
    key += `,${name}=${value instanceof Etag ? etagName(value, names) : String(value)}`;
  }
  return key;
}

function etagName(etag: Etag, names: Map<Etag, number>): string {
  let name = names.get(etag);
  if (name === undefined) names.set(etag, (name = names.size));
  return `#${name}`;
}
