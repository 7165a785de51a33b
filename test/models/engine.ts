/*
 * A small explicit-state model checker. A model is a few rows and a few actors; every step of an
 * actor is one request to storage, done whole or not at all. All interleavings are explored, so a
 * stall is any delay, and a crash an actor that never takes its next step.
 */

/** Opaque and never used twice, as storage's. */
export class Etag {
  toString(): string {
    return 'an ETag';
  }
}

/** An ETag out of an actor's memory, where it may be missing; then no row matches it. */
export function asEtag(value: Value): Etag | undefined {
  return value instanceof Etag ? value : undefined;
}

export type Value = string | number | boolean | Etag | undefined;

/** A row of a table, or a blob: what matters of either is that it is there, and its ETag. */
export interface Row {
  readonly etag: Etag;
  readonly properties: Readonly<Record<string, Value>>;
}

/** As the operations of shared/ports/table-store.ts. */
export type Operation =
  | { readonly kind: 'insert' | 'upsert'; readonly key: string; readonly properties: Properties }
  | {
      readonly kind: 'replace' | 'merge';
      readonly key: string;
      readonly etag: Condition;
      readonly properties: Properties;
    }
  | { readonly kind: 'delete'; readonly key: string; readonly etag: Condition };
type Properties = Readonly<Record<string, Value>>;
type Condition = Etag | '*' | undefined;

export const insert = (key: string, properties: Properties = {}): Operation => ({
  kind: 'insert',
  key,
  properties,
});
export const upsert = (key: string, properties: Properties = {}): Operation => ({
  kind: 'upsert',
  key,
  properties,
});
export const replace = (key: string, etag: Condition, properties: Properties = {}): Operation => ({
  kind: 'replace',
  key,
  etag,
  properties,
});
export const merge = (key: string, etag: Condition, properties: Properties = {}): Operation => ({
  kind: 'merge',
  key,
  etag,
  properties,
});
export const remove = (key: string, etag: Condition): Operation => ({ kind: 'delete', key, etag });

/** All rows and blobs, by key. A new world shares the rows of the one it was made of. */
export class World {
  readonly rows: Map<string, Row>;
  /** Writes that a network might deliver once more; recorded while there are duplicates left. */
  sent: readonly (readonly Operation[])[];
  duplicatesLeft: number;

  constructor(
    rows: ReadonlyMap<string, Row>,
    duplicatesLeft: number,
    sent: readonly (readonly Operation[])[] = [],
  ) {
    this.rows = new Map(rows);
    this.duplicatesLeft = duplicatesLeft;
    this.sent = sent;
  }

  has(key: string): boolean {
    return this.rows.has(key);
  }

  /** Undefined when the row is not there, as all below. */
  etag(key: string): Etag | undefined {
    return this.rows.get(key)?.etag;
  }

  property(key: string, name: string): Value {
    return this.rows.get(key)?.properties[name];
  }

  anyUnder(prefix: string): boolean {
    for (const key of this.rows.keys()) if (key.startsWith(prefix)) return true;
    return false;
  }

  /** Does all operations or none; says which. */
  commit(...operations: readonly Operation[]): boolean {
    if (this.duplicatesLeft > 0) this.sent = [...this.sent, operations];
    return this.deliver(operations);
  }

  deliver(operations: readonly Operation[]): boolean {
    if (!operations.every((operation) => this.#holds(operation))) return false;
    for (const operation of operations) this.#do(operation);
    return true;
  }

  /** Delete of a blob: one that is gone already is as good. */
  erase(key: string): void {
    this.rows.delete(key);
  }

  #holds(operation: Operation): boolean {
    const row = this.rows.get(operation.key);
    switch (operation.kind) {
      case 'insert':
        return row === undefined;
      case 'upsert':
        return true;
      case 'replace':
      case 'merge':
      case 'delete':
        return row !== undefined && (operation.etag === '*' || operation.etag === row.etag);
    }
  }

  #do(operation: Operation): void {
    if (operation.kind === 'delete') return void this.rows.delete(operation.key);
    const kept = operation.kind === 'merge' ? this.rows.get(operation.key)?.properties : {};
    const properties = { ...kept, ...operation.properties };
    this.rows.set(operation.key, { etag: new Etag(), properties });
  }
}

/** What an actor remembers between two of its requests. */
export type Memory = Record<string, Value>;

/** One request: changes the world, and answers the name of the next step or {@link end}. */
export type Step = (world: World, memory: Memory) => string;

export interface Program {
  readonly start: string;
  /** By names that say which request it is. */
  readonly steps: Readonly<Record<string, Step>>;
}

export interface Actor {
  readonly name: string;
  readonly program: Program;
  readonly memory?: Memory;
}

const endMark = 'end: ';
/** The actor is done, with this outcome. */
export const end = (outcome: string): string => endMark + outcome;

export interface Model {
  /** Rows that are there at the start, with what they hold. */
  readonly start: Readonly<Record<string, Properties>>;
  readonly actors: readonly Actor[];
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

export interface Result {
  readonly states: number;
  /** Why the model fails, with the requests that lead there; undefined when it holds. */
  readonly counterexample: { readonly problem: string; readonly trace: string[] } | undefined;
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
  const { actors, invariant, afterwards } = model;
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

  discover(startOf(model), 0, '');
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

function startOf({ start, actors, duplicates = 0 }: Model): State {
  const rows = new Map<string, Row>();
  for (const [key, properties] of Object.entries(start)) {
    rows.set(key, { etag: new Etag(), properties });
  }
  const places = actors.map(({ program, memory = {} }) => ({ at: program.start, memory }));
  return { world: new World(rows, duplicates), places };
}

function step(
  { world, places }: State,
  actors: readonly Actor[],
  index: number,
): { readonly state: State; readonly request: string } | undefined {
  const actor = actors[index];
  const place = places[index];
  if (actor === undefined || place === undefined || place.at.startsWith(endMark)) return undefined;
  const run = actor.program.steps[place.at];
  if (run === undefined) throw new Error(`${actor.name} has no step "${place.at}"`);
  const next = new World(world.rows, world.duplicatesLeft, world.sent);
  const memory = { ...place.memory };
  const at = run(next, memory);
  next.sent = next.sent.filter((write) => mayStillSucceed(next, write));
  const moved = { at, memory: at.startsWith(endMark) ? {} : memory };
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

/** Runs one actor alone to its end. */
export function runAlone(world: World, program: Program, memory: Memory = {}): void {
  let at = program.start;
  for (let steps = 0; !at.startsWith(endMark); steps++) {
    const run = program.steps[at];
    if (run === undefined || steps > 200) throw new Error(`does not end: "${at}"`);
    at = run(world, memory);
  }
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
