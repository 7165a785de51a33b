/**
 * Prints how many requests to storage lists and deletes cost in a repository with few tags and in
 * one with many: `npm exec -- node test/bench/request-counts.ts 100 100000`. The rows are copies of
 * what a push leaves, written straight into Azurite.
 */
import { connectStorage } from '../../shared/adapters/storage.ts';
import type { RepositoryName } from '../../shared/domain/repository-name.ts';
import type { Operation } from '../../shared/ports/table-store.ts';
import { deleteManifest } from '../../shared/registry/manifests/delete-manifest.ts';
import { listRepositories } from '../../shared/registry/repositories/catalog.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import { repositoryPartition } from '../../shared/registry/rows/row-keys.ts';
import { listTags } from '../../shared/registry/tags/list-tags.ts';
import { keySettings } from '../contract/key-settings.ts';
import { makeImage } from '../faults/image.ts';
import { newInstance, pushImage, repositoryNamed, tagNamed } from '../faults/in-process.ts';
import { interpose } from '../faults/interpose.ts';
import { startTestAzurite } from '../harness/azurite.ts';

const sizes = process.argv.slice(2).map(Number);
const tagsPerTransaction = 25;
const everything = { last: '', limit: 100, wanted: () => true };
const transactionsAtOnce = 8;

const azurite = await startTestAzurite();
const storage = connectStorage(keySettings(azurite));
await storage.prepare();

for (const size of sizes.length > 0 ? sizes : [100, 1000]) {
  const repository = repositoryNamed(`bench/tags-${size}`);
  const writer = newInstance(storage);
  await pushImage(writer, repository, makeImage(), ['first']);
  await copyTags(repository, size);
  const image = makeImage();
  await pushImage(writer, repository, image, ['latest']);
  process.stdout.write(
    `${size} tags: tags/list ${await requestsOf((registry) => listTags(registry, repository, { last: '', limit: 100 }))}, ` +
      `catalogue ${await requestsOf((registry) => listRepositories(registry, everything))}, ` +
      `delete of a manifest ${await requestsOf((registry) => deleteManifest(registry, repository, image.manifest.digest))}\n`,
  );
}
await azurite.stop();

/** What reaches storage by an instance that has seen nothing. */
async function requestsOf(work: (registry: Registry) => Promise<unknown>): Promise<number> {
  let count = 0;
  const counting = interpose(storage, (call, proceed) => {
    if (!call.place.startsWith('settings')) count += 1;
    return proceed();
  });
  await work(newInstance(counting));
  return count;
}

/** As many tags as there should be, each with all the rows that the first one has. */
async function copyTags(repository: RepositoryName, size: number): Promise<void> {
  const partition = repositoryPartition(repository);
  const first = tagNamed('first');
  const rows = await storage.tables.list('repo', partition, { from: '', before: '~' });
  const own = rows.filter(({ rowKey }) => rowKey.split(':').at(-1) === first);
  let next = 1;
  async function write(): Promise<void> {
    while (next < size) {
      const from = next;
      next += tagsPerTransaction;
      const operations: Operation[] = [];
      for (let at = from; at < Math.min(from + tagsPerTransaction, size); at++) {
        for (const { rowKey, properties } of own) {
          const key = `${rowKey.slice(0, -first.length)}tag-${at}`;
          operations.push({ kind: 'insert', rowKey: key, properties });
        }
      }
      const outcome = await storage.tables.commit('repo', partition, operations);
      if (!outcome.ok) throw new Error(`not written: ${outcome.reason}`);
    }
  }
  await Promise.all(Array.from({ length: transactionsAtOnce }, write));
}
