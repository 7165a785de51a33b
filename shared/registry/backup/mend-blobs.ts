import type { PhysicalName } from '../../domain/physical-name.ts';
import type { Operation, Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { givenUpKey, holderKey, liveKey } from '../rows/row-keys.ts';
import { number, text } from '../rows/row-values.ts';

/**
 * Makes a restored right to a blob whole (docs/storage.md, I1 to I3): the bytes are looked for, and
 * the rows that say they are there and held are written where they are missing. A right whose bytes
 * are gone, or are others, is taken away; answers whether it stayed. Idempotent.
 */
export async function mendBlob(
  registry: Registry,
  partition: string,
  { rowKey, etag, ...link }: Row,
): Promise<boolean> {
  const { tables, blobs } = registry;
  const digest = rowKey.slice(2);
  const row = { rowKey, etag, ...link };
  const name = text(row, 'name') as PhysicalName;
  const size = number(row, 'size');
  const stored = await blobs.properties('content', name);
  const said = stored?.metadata['digest'];
  const isThere = stored?.sizeBytes === size && (said === undefined || said === digest);
  if (!isThere) {
    await tables.commit('repo', partition, [{ kind: 'delete', rowKey, etag }]);
    return false;
  }
  const rows = await tables.list('data', name, { from: liveKey, before: '~', select: [] });
  const isGivenUp = rows.some((each) => each.rowKey === givenUpKey);
  const givenUp: Operation[] = isGivenUp ? [{ kind: 'delete', rowKey: givenUpKey, etag: '*' }] : [];
  await tables.commit('data', name, [
    { kind: 'merge-or-insert', rowKey: liveKey, properties: { digest, size } },
    { kind: 'merge-or-insert', rowKey: holderKey(partition), properties: {} },
    ...givenUp,
  ]);
  return true;
}
