import { expect } from 'vitest';
import { keepRestore, noCounts } from '../../shared/registry/backup/restore-state.ts';
import type { Registry } from '../../shared/registry/registry.ts';

/** A restore that has begun to write rows, and goes no further. Its ETag, to drop it by. */
export async function beginRestore(registry: Registry): Promise<string> {
  const place = { stage: 'rows', part: 0, partitionKey: '', rowKey: '' } as const;
  const restore = { backup: 'b', existing: 'keep', counts: noCounts, ...place } as const;
  const begun = await keepRestore(registry, restore, undefined);
  expect(begun).toBeDefined();
  return begun?.etag ?? '';
}
