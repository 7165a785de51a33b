import { expect, test } from 'vitest';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { bringInOrder } from '../../shared/registry/tags/bring-in-order.ts';
import { newInstance, pushImage, repositoryNamed } from '../faults/in-process.ts';
import { makeImage } from '../faults/image.ts';
import { interpose } from '../faults/interpose.ts';
import { testStorage } from '../faults/test-storage.ts';
import { listed } from './listed.ts';

const { stores } = testStorage();

test.each(['timedesc', 'timeasc'] as const)(
  '%s of more tags than are ever sorted costs one request a page',
  async (order) => {
    const repository = repositoryNamed(`order/very-many-${order}`);
    const partition = repositoryPartition(repository);
    const registry = newInstance(stores);
    const image = makeImage();
    await pushImage(registry, repository, image);
    const { digest } = image.manifest;
    const count = 10_100;
    for (let from = 0; from < count; from += 100) {
      const written = await stores.tables.commit(
        'repo',
        partition,
        Array.from({ length: 100 }, (_, at) => ({
          kind: 'insert' as const,
          rowKey: `t:t${from + at}`,
          properties: {
            digest,
            mediaType: 'application/vnd.oci.image.manifest.v1+json',
            size: 1,
            created: new Date(1_700_000_000_000),
            updated: new Date(1_700_000_000_000 + 1000 * (from + at)),
          },
        })),
      );
      expect(written.ok).toBe(true);
    }
    await expect(listed(registry, repository, order, 100)).rejects.toMatchObject({ status: 400 });
    expect(await bringInOrder(registry, partition, () => false)).toBe(true);
    let requests = 0;
    const counting = newInstance(
      interpose(stores, (_, proceed) => {
        requests += 1;
        return proceed();
      }),
    );
    const { names, pages } = await listed(counting, repository, order, 1000);
    const expected = Array.from({ length: count }, (_, at) => `t${at}`);
    expect(names).toEqual(order === 'timeasc' ? expected : expected.toReversed());
    // And one, the first time, to ask whether the repository is in order.
    expect(pages).toBe(11);
    expect(requests).toBe(pages + 1);
  },
  120_000,
);
