import { expect, it } from 'vitest';
import { makeImage, randomBlob } from './image.ts';
import { newInstance, openUpload, pushBlob, pushImage, repositoryNamed } from './in-process.ts';
import { testStorage } from './test-storage.ts';

const { brokenInvariants, readStorage, stores } = testStorage();

const base = makeImage();
const image = makeImage({ subject: base.manifest });
const layer = image.layers[0]?.digest ?? '';
const { digest } = image.manifest;

const damages: [string, string, (key: string) => boolean, 'repo' | 'data'][] = [
  ['I1', 'a holder row', (key) => key === 'h:r', 'data'],
  ['I2', 'the row that says the bytes are live', (key) => key === 'l', 'data'],
  ['J1', 'the reference to a child', (key) => key === `p:${layer}:${digest}`, 'repo'],
  ['J1', 'the referrer row', (key) => key.startsWith('r:'), 'repo'],
  ['J2', 'the link of a layer', (key) => key === `b:${layer}`, 'repo'],
  ['J3', 'the manifest of a tag', (key) => key === `m:${digest}`, 'repo'],
  ['J3', 'the reverse row of a tag', (key) => key.startsWith('g:'), 'repo'],
  ['J3', 'a tag', (key) => key === 't:latest', 'repo'],
  ['K4', 'the work row of an upload', (key) => /^z:.*:u:/.test(key), 'repo'],
  ['K4', 'the work row of a link', (key) => /^z:.*:b:/.test(key), 'repo'],
];

it.each(damages)('%s is reported when %s is missing', async (name, _, isDamaged, table) => {
  const repository = repositoryNamed('r');
  await forgetEverything();
  await pushImage(newInstance(stores), repository, base);
  await pushImage(newInstance(stores), repository, image, ['latest']);
  await openUpload(newInstance(stores), repository);
  await pushBlob(newInstance(stores), repository, randomBlob());
  expect(await brokenInvariants()).toEqual([]);

  await removeRows(table, isDamaged);
  const problems = await brokenInvariants();
  expect(problems.some((problem) => problem.includes(` ${name} `))).toBe(true);
});

it('K4 bytes that nothing refers to are reported', async () => {
  await forgetEverything();
  await pushImage(newInstance(stores), repositoryNamed('r'), base);
  await removeRows('repo', () => true);
  await removeRows('data', () => true);
  const problems = await brokenInvariants();
  expect(problems).not.toEqual([]);
  expect(problems.every((problem) => problem.includes('belongs to nobody'))).toBe(true);
});

/** Rows and bytes alike, so that each test damages what is whole. */
async function forgetEverything(): Promise<void> {
  await removeRows('repo', () => true);
  await removeRows('data', () => true);
  const storage = await readStorage();
  await Promise.all([...storage.content.keys()].map((name) => storage.deleteBlob('content', name)));
}

async function removeRows(table: 'repo' | 'data', unwanted: (key: string) => boolean) {
  const snapshot = await readStorage();
  for (const [partition, rows] of snapshot[table]) {
    for (const rowKey of [...rows.keys()].filter(unwanted)) {
      await stores.tables.commit(table, partition, [{ kind: 'delete', rowKey, etag: '*' }]);
    }
  }
}
