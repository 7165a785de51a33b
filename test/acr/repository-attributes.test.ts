import { afterEach, describe, expect, test, vi } from 'vitest';
import { StorageUnavailable } from '../../shared/ports/table-store.ts';
import { listTagDescriptions } from '../../shared/registry/tags/describe-tag.ts';
import {
  changeRepositoryAttributes,
  repositoryAttributes,
} from '../../shared/registry/repositories/repository-attributes.ts';
import { repositoryPartition, tagKey } from '../../shared/registry/rows/row-keys.ts';
import { newInstance, repositoryNamed, tagNamed } from '../faults/in-process.ts';
import { interpose, type PortCall } from '../faults/interpose.ts';
import { testStorage } from '../faults/test-storage.ts';

const { stores } = testStorage();

afterEach(() => vi.restoreAllMocks());

/** The same stores; `asked` has every call, and while `down` is set they fail. */
function watched() {
  const asked: PortCall[] = [];
  const state = { down: false };
  const watching = interpose(stores, async (call, proceed) => {
    asked.push(call);
    if (state.down) throw new StorageUnavailable('storage is down');
    return await proceed();
  });
  return { stores: watching, asked, state };
}

/** From now on the process's clock is so much later. */
function later(milliseconds: number): void {
  const real = performance.now();
  vi.spyOn(performance, 'now').mockImplementation(() => real + milliseconds);
}

describe('the attributes of repositories', () => {
  test('are read once for all repositories, however many ask', async () => {
    const { stores: counted, asked } = watched();
    const registry = newInstance(counted);
    const names = Array.from({ length: 50 }, (_, at) => repositoryNamed(`many/${at}`));
    await Promise.all(names.map((name) => repositoryAttributes(registry, name)));
    await Promise.all(names.map((name) => repositoryAttributes(registry, name)));
    expect(asked).toHaveLength(1);
  });

  test('reach another instance within a minute, and their own at once', async () => {
    const name = repositoryNamed('spread/app');
    const [own, other] = [newInstance(stores), newInstance(stores)];
    expect(await repositoryAttributes(other, name)).toMatchObject({ writeEnabled: true });
    await changeRepositoryAttributes(own, name, { writeEnabled: false });
    expect(await repositoryAttributes(own, name)).toMatchObject({ writeEnabled: false });
    later(60_001);
    expect(await repositoryAttributes(other, name)).toMatchObject({ writeEnabled: false });
  });

  test('stay in force while storage cannot be asked', async () => {
    const name = repositoryNamed('down/app');
    const { stores: failing, asked, state } = watched();
    const registry = newInstance(failing);
    await changeRepositoryAttributes(registry, name, { readEnabled: false });
    state.down = true;
    later(60_001);
    asked.length = 0;
    for (let time = 0; time < 10; time++) {
      expect(await repositoryAttributes(registry, name)).toMatchObject({ readEnabled: false });
    }
    expect(asked).toHaveLength(1);
    await expect(repositoryAttributes(newInstance(failing), name)).rejects.toThrow('down');
  });

  test('are not forgotten by a read that began before the change', async () => {
    const name = repositoryNamed('old/app');
    const held = Promise.withResolvers<void>();
    const slow = interpose(stores, async (call, proceed) => {
      const answer = await proceed();
      if (call.method === 'list') await held.promise;
      return answer;
    });
    const registry = newInstance(slow);
    const before = repositoryAttributes(registry, name);
    const changed = changeRepositoryAttributes(registry, name, { listEnabled: false });
    setTimeout(held.resolve, 50);
    await Promise.all([before, changed]);
    expect(await repositoryAttributes(registry, name)).toMatchObject({ listEnabled: false });
  });
});

test('more than 10,000 tags are refused by time and listed by name', async () => {
  const name = repositoryNamed('many/tags');
  const partition = repositoryPartition(name);
  const properties = {
    digest: `sha256:${'0'.repeat(64)}`,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    size: 1,
    created: new Date(),
    updated: new Date(),
  };
  const insert = (from: number, count: number) =>
    stores.tables.commit(
      'repo',
      partition,
      Array.from({ length: count }, (_, at) => ({
        kind: 'insert' as const,
        rowKey: tagKey(tagNamed(`t${String(from + at).padStart(5, '0')}`)),
        properties,
      })),
    );
  for (let from = 0; from < 10_000; from += 100) {
    expect((await insert(from, 100)).ok).toBe(true);
  }
  const registry = newInstance(stores);
  const page = { last: '', limit: 100, digest: undefined } as const;
  const inTime = await listTagDescriptions(registry, name, { ...page, order: 'timedesc' });
  expect(inTime.items).toHaveLength(100);
  await insert(10_000, 1);
  await expect(
    listTagDescriptions(registry, name, { ...page, order: 'timedesc' }),
  ).rejects.toMatchObject({
    code: 'UNSUPPORTED',
    status: 400,
    message: expect.stringContaining('orderby=none'),
  });
  const byName = await listTagDescriptions(registry, name, { ...page, order: 'none' });
  expect(byName).toMatchObject({ next: 't00099' });
}, 60_000);
