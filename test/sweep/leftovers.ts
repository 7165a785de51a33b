import type { Properties, StorageSnapshot } from '../faults/storage-snapshot.ts';

/**
 * What a sweep that had nothing to wait for should have taken away, a sentence each: unfinished
 * work and its rows, and whatever no live manifest needs.
 */
export function leftoversIn({ repo, data, content, manifests }: StorageSnapshot): string[] {
  const found: string[] = [];
  const linked = new Set<string>();
  const manifestNames = new Set<string>();
  for (const [partition, rows] of repo) {
    const referred = new Set(
      [...rows.keys()]
        .filter((key) => key.startsWith('p:'))
        .map((key) => firstDigest(key.slice(2))),
    );
    for (const [key, row] of rows) {
      const kind = key[0] ?? '';
      if (kind === 'b') linked.add(`${String(row['name'])} ${partition}`);
      if (kind === 'm') manifestNames.add(String(row['blob']));
      const isLeft = isWork(kind, row) || (kind === 'b' && !referred.has(key.slice(2)));
      if (isLeft) found.push(`${partition}: ${key}`);
    }
  }
  for (const [name, rows] of data) {
    const holders = [...rows.keys()].filter((key) => key.startsWith('h:'));
    const stray = holders.filter((key) => !linked.has(`${name} ${key.slice(2)}`));
    found.push(...stray.map((key) => `${name}: ${key}`));
    if (holders.length === 0 || rows.has('x')) found.push(`${name}: ${[...rows.keys()].join(' ')}`);
  }
  found.push(...[...content.keys()].filter((name) => !data.has(name)));
  found.push(...[...manifests.keys()].filter((name) => !manifestNames.has(name)));
  return found;
}

function isWork(kind: string, row: Properties): boolean {
  return ['z', 'n', 'u'].includes(kind) || (kind === 'm' && row['state'] !== 'live');
}

function firstDigest(key: string): string {
  return key.split(':').slice(0, 2).join(':');
}
