import type { TestManifest } from '../faults/image.ts';
import { type Effect, History, type Settled } from './history.ts';
import type { RandomImage } from './images.ts';

/** The tags that are pushed where a repository has no others. */
export const usualTags = ['latest', 'stable', 'v1', 'v2', 'v3', 'nightly'];

/** The tags that the run's policy makes immutable, in the repositories it says. */
export const frozenTags = 'frozen-\\d+';

interface Span {
  readonly startMs: number;
  endMs: number;
}

/** What the clients of one repository know of it together. */
export class Repository {
  readonly name: string;
  readonly tags: readonly string[];
  readonly history: History;
  /** Images that were put, most of which are still there. */
  readonly images: RandomImage[] = [];
  /** DELETEs of blobs, by digest: they may take away what was promised. */
  readonly #blobDeletes = new Map<string, Span[]>();
  /** Whether its tags `frozen-…` are immutable. */
  readonly #freezes: boolean;
  /** Immutable tags that a client was told were pushed, with where they point. */
  readonly #frozen = new Map<string, string>();

  readonly #settled: Settled;

  constructor(name: string, settled: Settled, { freezes = false, tags = usualTags } = {}) {
    this.name = name;
    this.#settled = settled;
    this.history = new History(settled);
    this.tags = tags;
    this.#freezes = freezes;
  }

  /** Where each immutable tag must point for ever. */
  get frozen(): ReadonlyMap<string, string> {
    return this.#frozen;
  }

  /**
   * Notes that a write begins; the answer is to be asked, when it was acknowledged, which immutable
   * tag it moved or deleted.
   */
  beginWrite(effect: Effect): () => string | undefined {
    if (!this.#freezes) return () => undefined;
    const before = [...this.#frozen];
    const isFrozen = (tag: string) => new RegExp(`^${frozenTags}$`).test(tag);
    return () => {
      switch (effect.kind) {
        case 'put': {
          const tags = effect.tags.filter(isFrozen);
          const moved = tags.find(
            (tag) => (this.#frozen.get(tag) ?? effect.digest) !== effect.digest,
          );
          for (const tag of tags) if (!this.#frozen.has(tag)) this.#frozen.set(tag, effect.digest);
          return moved;
        }
        case 'deleteTag':
          return isFrozen(effect.tag) ? effect.tag : undefined;
        case 'deleteManifest':
          return before.find(([, digest]) => digest === effect.digest)?.[0];
        case 'deleteRepository':
          return before[0]?.[0];
        // It takes no tag that is there.
        case 'restore':
        // What it deleted says its report.
        case 'retain':
        case 'retained':
          return undefined;
      }
    };
  }

  get manifests(): readonly TestManifest[] {
    return this.images.map(({ manifest }) => manifest);
  }

  remember(image: RandomImage): void {
    this.images.push(image);
    if (this.images.length > 30) this.images.shift();
  }

  /** Notes that a DELETE of the blob begins; to be told when it ended, and whether one knows how. */
  beginBlobDelete(digest: string): (isKnown: boolean) => void {
    const span: Span = { startMs: performance.now(), endMs: Infinity };
    this.#blobDeletes.set(digest, [...(this.#blobDeletes.get(digest) ?? []), span]);
    const end = () => void (span.endMs = performance.now());
    return (isKnown) => {
      if (isKnown) end();
      else void this.#settled().then(end);
    };
  }

  /** Whether somebody may have deleted the blob since. */
  mayHaveLost(digest: string, sinceMs: number): boolean {
    return (this.#blobDeletes.get(digest) ?? []).some(({ endMs }) => endMs >= sinceMs);
  }
}
