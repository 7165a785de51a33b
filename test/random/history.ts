/** What a write would have made true of a repository. */
export type Effect =
  | { readonly kind: 'put'; readonly digest: string; readonly tags: readonly string[] }
  | { readonly kind: 'deleteTag'; readonly tag: string }
  | { readonly kind: 'deleteManifest'; readonly digest: string }
  | { readonly kind: 'deleteRepository' }
  | { readonly kind: 'restore'; readonly manifests: readonly Restored[] }
  | { readonly kind: 'retain'; readonly mayGo: RegExp }
  | {
      readonly kind: 'retained';
      readonly tags: readonly { readonly tag: string; readonly digest: string }[];
      readonly manifests: readonly string[];
    };

/** A manifest that came back; its tags undefined as long as nobody knows which. */
export interface Restored {
  readonly digest: string;
  readonly tags: readonly string[] | undefined;
}

/**
 * How a write ended: it was done; it changed nothing; it is over and did all, some or nothing of it;
 * or nobody knows.
 */
export type Ending = 'done' | 'nothing' | 'perhaps' | 'unknown';

interface Write {
  effect: Effect;
  readonly startMs: number;
  /** The last moment at which it can have taken effect; undefined while it is under way. */
  endMs: number;
  done: boolean;
}

/** What became of something: the digest a tag points to, `present` for a manifest, or `absent`. */
export type State = string;
export const absent: State = 'absent';
export const present: State = 'present';

/** Resolves when nothing can take effect any more that a client has given up until now. */
export type Settled = () => Promise<void>;

/**
 * What all clients of one repository were told, and so what can be there once nothing is under way:
 * the effect of any write that no acknowledged one surely came after. Writes that overlap may have
 * happened in either order; one that broke off, or not at all.
 */
export class History {
  readonly #writes: Write[] = [];
  readonly #settled: Settled;

  constructor(settled: Settled) {
    this.#settled = settled;
  }

  /** Notes that a write begins; to be told how it ended, and what it did where only that says so. */
  begin(effect: Effect): (ending: Ending, done?: Effect) => void {
    const write: Write = { effect, startMs: performance.now(), endMs: Infinity, done: false };
    this.#writes.push(write);
    return (ending, done = effect) => {
      write.effect = done;
      if (ending === 'nothing') this.#writes.splice(this.#writes.indexOf(write), 1);
      write.done = ending === 'done';
      const end = () => void (write.endMs = performance.now());
      if (ending === 'unknown') void this.#settled().then(end);
      else end();
    };
  }

  get tags(): ReadonlySet<string> {
    return new Set(
      this.#writes.flatMap(({ effect }) => (effect.kind === 'put' ? effect.tags : [])),
    );
  }

  get manifests(): ReadonlySet<string> {
    return new Set(
      this.#writes.flatMap(({ effect }) => (effect.kind === 'put' ? [effect.digest] : [])),
    );
  }

  /** The sum of `weightOf` over all pushes that were under way at one moment, at its highest. */
  mostPutsAtOnce(weightOf: (put: Extract<Effect, { kind: 'put' }>) => number): number {
    const puts = this.#writes.flatMap(({ effect, startMs, endMs }) =>
      effect.kind === 'put' ? [{ startMs, endMs, weight: weightOf(effect) }] : [],
    );
    const sums = puts.map(({ startMs: atMs }) =>
      puts
        .filter(({ startMs, endMs }) => startMs <= atMs && atMs <= endMs)
        .reduce((sum, { weight }) => sum + weight, 0),
    );
    return Math.max(0, ...sums);
  }

  /** What the tag may point to now. */
  possibleOfTag(tag: string): ReadonlySet<State> {
    const changes = this.#changes((effect) => changesOfTag(tag, effect));
    const pointed = new Set(changes.map(({ to }) => to));
    return possible(changes.filter(({ from }) => from === undefined || pointed.has(from)));
  }

  /** What the manifest may be now. */
  possibleOfManifest(digest: string): ReadonlySet<State> {
    return possible(this.#changes((effect) => changesOfManifest(digest, effect)));
  }

  #changes(changesOf: (effect: Effect) => readonly Change[]): (Write & Change)[] {
    return this.#writes.flatMap((write) =>
      changesOf(write.effect).map((change) => ({ ...write, ...change })),
    );
  }
}

/** What a write makes of a state: of any, or only of the one it is `from`. */
interface Change {
  readonly to: State;
  readonly from?: State;
}

function changesOfTag(tag: string, effect: Effect): readonly Change[] {
  switch (effect.kind) {
    case 'put':
      return effect.tags.includes(tag) ? [{ to: effect.digest }] : [];
    case 'deleteTag':
      return effect.tag === tag ? [{ to: absent }] : [];
    case 'deleteManifest':
      return [{ to: absent, from: effect.digest }];
    case 'deleteRepository':
      return [{ to: absent }];
    case 'restore':
      return effect.manifests
        .filter(({ tags }) => tags?.includes(tag) ?? true)
        .map(({ digest }) => ({ to: digest }));
    case 'retain':
      return effect.mayGo.test(tag) ? [{ to: absent }] : [];
    case 'retained':
      return effect.tags
        .filter((gone) => gone.tag === tag)
        .map(({ digest }) => ({ to: absent, from: digest }));
  }
}

function changesOfManifest(digest: string, effect: Effect): readonly Change[] {
  switch (effect.kind) {
    case 'put':
      return effect.digest === digest ? [{ to: present }] : [];
    case 'deleteTag':
      return [];
    case 'deleteManifest':
      return effect.digest === digest ? [{ to: absent }] : [];
    case 'deleteRepository':
      return [{ to: absent }];
    case 'restore':
      return effect.manifests.some((each) => each.digest === digest) ? [{ to: present }] : [];
    case 'retain':
      return [{ to: absent }];
    case 'retained':
      return effect.manifests.includes(digest) ? [{ to: absent }] : [];
  }
}

function possible(changes: readonly (Write & Change)[]): ReadonlySet<State> {
  const ends = (state: State, afterMs: number, beforeMs: number) =>
    changes.some(
      ({ to, from, done, startMs, endMs }) =>
        done && to !== state && (from ?? state) === state && startMs > afterMs && endMs < beforeMs,
    );
  const mayHaveBeen = (state: State, { startMs, endMs }: Write) =>
    changes.some(
      (earlier) =>
        earlier.to === state && earlier.startMs < endMs && !ends(state, earlier.endMs, startMs),
    );
  const reached = [
    { state: absent, endMs: -Infinity },
    ...changes
      .filter((change) => change.from === undefined || mayHaveBeen(change.from, change))
      .map(({ to, endMs }) => ({ state: to, endMs })),
  ];
  const lasting = reached.filter(({ state, endMs }) => !ends(state, endMs, Infinity));
  return new Set(lasting.map(({ state }) => state));
}
