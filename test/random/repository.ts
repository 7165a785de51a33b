import type { TestManifest } from '../faults/image.ts';
import { History } from './history.ts';
import type { RandomImage } from './images.ts';

interface Span {
  readonly startMs: number;
  endMs: number;
}

/** What the clients of one repository know of it together. */
export class Repository {
  readonly name: string;
  readonly history = new History();
  /** Images that were put, most of which are still there. */
  readonly images: RandomImage[] = [];
  /** DELETEs of blobs, by digest: they may take away what was promised. */
  readonly #blobDeletes = new Map<string, Span[]>();

  constructor(name: string) {
    this.name = name;
  }

  get manifests(): readonly TestManifest[] {
    return this.images.map(({ manifest }) => manifest);
  }

  remember(image: RandomImage): void {
    this.images.push(image);
    if (this.images.length > 30) this.images.shift();
  }

  /** Notes that a DELETE of the blob begins; to be called once it can have no effect any more. */
  beginBlobDelete(digest: string): (lateMs: number) => void {
    const span: Span = { startMs: performance.now(), endMs: Infinity };
    this.#blobDeletes.set(digest, [...(this.#blobDeletes.get(digest) ?? []), span]);
    return (lateMs) => void (span.endMs = performance.now() + lateMs);
  }

  /** Whether somebody may have deleted the blob since. */
  mayHaveLost(digest: string, sinceMs: number): boolean {
    return (this.#blobDeletes.get(digest) ?? []).some(({ endMs }) => endMs >= sinceMs);
  }
}
