import type { Properties, Rows, StorageSnapshot } from './storage-snapshot.ts';

/** Whether the sweep still has something to do, or an upload something to become. */
export function isAtRest({ repo }: StorageSnapshot): boolean {
  return [...repo.values()].every((rows) =>
    [...rows].every(([key, row]) => {
      const isUnfinished = key.startsWith('m:') && row['state'] !== 'live';
      return !isUnfinished && !/^[unz]:/.test(key);
    }),
  );
}

/**
 * What a sweep should have removed: everything that cannot be reached from a live manifest. The
 * catalogue, and what instances keep about themselves, stays.
 */
export function leftovers(snapshot: StorageSnapshot): string[] {
  const problems: string[] = [];
  const left = (what: string) => void problems.push(`left: ${what}`);
  const held = new Map<string, Set<string>>();
  const manifestBlobs = new Set<string>();

  for (const [partition, rows] of snapshot.repo) {
    const inRepository = (what: string) => left(`${partition} ${what}`);
    for (const [key, row] of rows) {
      if (isLeftover(rows, key, row)) inRepository(key);
      if (key.startsWith('b:')) {
        const name = String(row['name']);
        held.set(name, (held.get(name) ?? new Set()).add(`h:${partition}`));
      }
      if (key.startsWith('m:')) manifestBlobs.add(String(row['blob']));
    }
  }
  for (const [name, rows] of snapshot.data) {
    for (const key of rows.keys()) {
      const holders = held.get(name);
      const isNeeded = key === 'l' ? holders !== undefined : holders?.has(key);
      if (isNeeded !== true) left(`data ${name} ${key}`);
    }
  }
  for (const [digest, rows] of snapshot.digests) {
    for (const name of rows.keys()) if (!held.has(name)) left(`digests ${digest} ${name}`);
  }
  for (const name of snapshot.content.keys()) if (!held.has(name)) left(`content ${name}`);
  for (const name of snapshot.manifests.keys()) {
    if (!manifestBlobs.has(name)) left(`manifests ${name}`);
  }
  for (const name of snapshot.staging.keys()) left(`staging ${name}`);
  return problems;
}

/** Whether nothing that lives needs this row of a repository. */
function isLeftover(rows: Rows, key: string, row: Properties): boolean {
  const isLive = (digest: string) => rows.get(`m:${digest}`)?.['state'] === 'live';
  const [kind, ...rest] = key.split(':');
  const first = rest.slice(0, 2).join(':');
  const second = rest.slice(2).join(':');
  switch (kind) {
    case 'm':
      return row['state'] !== 'live';
    case 't':
      return !isLive(String(row['digest']));
    case 'g':
      return !isLive(first);
    case 'p':
    case 'r':
      return !isLive(second);
    // Whether they are right is J4's to tell.
    case 'o':
    case 'a':
      return !rows.has(`t:${rest.at(-1)}`);
    case 'b':
      return ![...rows.keys()].some((other) => other.startsWith(`p:${first}:`));
    default:
      return true;
  }
}
