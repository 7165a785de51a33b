import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { lookUpByNarrowestIndex } from '../../local/azurite-indexes.ts';

const requireOfAzurite = createRequire(
  createRequire(import.meta.url).resolve('azurite/package.json'),
);
const Loki = requireOfAzurite('lokijs');
const seen: string[][] = [];
const { $and } = Loki.Resultset.prototype;
Loki.Resultset.prototype.$and = function (filters: object[]) {
  seen.push(filters.flatMap(Object.keys));
  return $and.call(this, filters);
};
lookUpByNarrowestIndex(Loki.Resultset);

interface Entity {
  readonly PartitionKey: string;
  readonly RowKey: string;
  readonly size: number;
}

function collectionOf(entities: readonly Entity[]) {
  const collection = new Loki('none').addCollection('entities', {
    disableMeta: true,
    indices: ['PartitionKey', 'RowKey'],
  });
  for (const entity of entities) collection.insert({ ...entity });
  return collection;
}

const oneRepository = Array.from({ length: 50 }, (_, index) => ({
  PartitionKey: 'team.app',
  RowKey: `t:v${index}`,
  size: index % 2,
}));
const manyBlobs = Array.from({ length: 50 }, (_, index) => ({
  PartitionKey: `blob-${index}`,
  RowKey: 'l',
  size: index,
}));

describe('a lookup in one of the databases of Azurite', () => {
  const collection = collectionOf([...oneRepository, ...manyBlobs]);

  it('begins with the row key when many rows share the partition', () => {
    const found = collection.findOne({ PartitionKey: 'team.app', RowKey: 't:v7' });
    expect(found).toMatchObject({ RowKey: 't:v7', PartitionKey: 'team.app' });
    expect(seen.at(-1)).toEqual(['RowKey', 'PartitionKey']);
  });

  it('begins with the partition key when many rows share the row key', () => {
    const found = collection.findOne({ PartitionKey: 'blob-9', RowKey: 'l' });
    expect(found).toMatchObject({ PartitionKey: 'blob-9', size: 9 });
    expect(seen.at(-1)).toEqual(['PartitionKey', 'RowKey']);
  });

  it('begins with an index also when a property without one is named first', () => {
    const found = collection.find({ size: 1, PartitionKey: 'team.app' });
    expect(found).toHaveLength(25);
    expect(seen.at(-1)).toEqual(['PartitionKey', 'size']);
  });

  it('finds what is there and nothing else, after inserts, changes and removals', () => {
    const changing = collectionOf([...oneRepository, ...manyBlobs]);
    const lookUp = (PartitionKey: string, RowKey: string) =>
      changing.findOne({ PartitionKey, RowKey });
    changing.remove(lookUp('team.app', 't:v3'));
    changing.update({ ...lookUp('team.app', 't:v4'), size: 400 });
    changing.insert({ PartitionKey: 'other', RowKey: 't:v3', size: 3 });
    expect(lookUp('team.app', 't:v3')).toBeNull();
    expect(lookUp('team.app', 't:v4')).toMatchObject({ size: 400 });
    expect(lookUp('other', 't:v3')).toMatchObject({ size: 3 });
    expect(lookUp('blob-3', 't:v3')).toBeNull();
    expect(lookUp('missing', 'l')).toBeNull();
  });

  it('leaves a query that goes on from an earlier one in its order', () => {
    const chained = collection.chain().find({ size: 1 });
    const found = chained.find({ PartitionKey: 'team.app', RowKey: 't:v7' }).data();
    expect(found).toHaveLength(1);
    expect(seen.at(-1)).toEqual(['PartitionKey', 'RowKey']);
  });
});
