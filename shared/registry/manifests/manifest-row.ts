import { type Digest, parseDigest } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { Row } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { manifestKey } from '../rows/row-keys.ts';
import type { ManifestRow, ManifestState } from '../rows/row-types.ts';
import { CorruptRow, number, optionalText, text } from '../rows/row-values.ts';

const states: readonly ManifestState[] = ['pending', 'live', 'deleted', 'purging'];

/**
 * Reads the row of a manifest in whatever state it is; undefined when there is none. One request.
 */
export async function readManifestRow(
  registry: Registry,
  partition: string,
  digest: Digest,
): Promise<ManifestRow | undefined> {
  const row = await registry.tables.get('repo', partition, manifestKey(digest));
  return row === undefined ? undefined : parseManifestRow(digest, row);
}

function parseManifestRow(digest: Digest, row: Row): ManifestRow {
  const state = states.find((each) => each === row.properties['state']);
  if (state === undefined) throw new CorruptRow(`${row.rowKey} has no state`);
  const inline = row.properties['bytes'];
  return {
    digest,
    state,
    mediaType: text(row, 'mediaType'),
    sizeBytes: number(row, 'size'),
    inline: inline instanceof Uint8Array ? inline : undefined,
    blobName: optionalText(row, 'blob') as PhysicalName | undefined,
    subject: parseDigest(optionalText(row, 'subject') ?? ''),
    fallbackSubjects: (optionalText(row, 'fallbackSubjects') ?? '')
      .split(',')
      .flatMap((each) => parseDigest(each) ?? []),
    etag: row.etag,
    ageMs: row.ageMs,
    properties: row.properties,
  };
}
