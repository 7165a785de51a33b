import { parseDigest, parseDigestAlgorithm } from '../../domain/digest.ts';
import type { PhysicalName } from '../../domain/physical-name.ts';
import type { Row, RowProperties } from '../../ports/table-store.ts';
import type { StagedRun, UploadSession } from '../rows/row-types.ts';
import { number, optionalText, text } from '../rows/row-values.ts';

const states = ['open', 'discarded', 'duplicate'] as const;

/**
 * The ids of all blocks of a session, in order. A fixed length, as Put Block wants of one blob's
 * ids.
 */
export function blockIds(session: UploadSession): string[] {
  return session.runs.flatMap(({ attempt, count }) =>
    Array.from({ length: count }, (_, index) => blockId(attempt, index)),
  );
}

export function blockId(attempt: string, index: number): string {
  return attempt + String(index).padStart(6, '0');
}

export function blockCount(session: UploadSession): number {
  return session.runs.reduce((sum, run) => sum + run.count, 0);
}

/** What the row of a session holds. */
export function toProperties(session: UploadSession): RowProperties {
  return {
    name: session.name,
    subject: session.subject,
    algorithm: session.algorithm,
    offset: session.offset,
    ...packRuns(session.runs),
    prefixDigest: session.prefixDigest ?? '',
    state: session.state,
    workKey: session.workKey,
  };
}

/** A session out of its row. Throws CorruptRow. */
export function parseUploadSession(id: string, row: Row): UploadSession {
  return {
    id,
    name: text(row, 'name') as PhysicalName,
    subject: text(row, 'subject'),
    algorithm: parseDigestAlgorithm(text(row, 'algorithm')) ?? 'sha256',
    offset: number(row, 'offset'),
    runs: unpackRuns(row),
    prefixDigest: parseDigest(optionalText(row, 'prefixDigest') ?? ''),
    state: states.find((state) => state === text(row, 'state')) ?? 'discarded',
    workKey: text(row, 'workKey'),
    etag: row.etag,
  };
}

/**
 * A client that sends small chunks makes thousands of runs, more than one property of a row holds.
 */
const runBytes = 6;
const maxRunsInProperty = 10_000;

/**
 * The properties `runs0`, `runs1`, …: of each run the four bytes of its attempt and two of its
 * count (`maxBlocks`).
 */
function packRuns(runs: readonly StagedRun[]): RowProperties {
  const packed = Buffer.alloc(runs.length * runBytes);
  runs.forEach(({ attempt, count }, index) => {
    packed.write(attempt, index * runBytes, 'hex');
    packed.writeUInt16BE(count, index * runBytes + 4);
  });
  const size = maxRunsInProperty * runBytes;
  const parts = Array.from({ length: Math.ceil(packed.length / size) }, (_, index) => [
    `runs${index}`,
    packed.subarray(index * size, (index + 1) * size),
  ]);
  return Object.fromEntries(parts);
}

function unpackRuns({ properties }: Row): StagedRun[] {
  const runs: StagedRun[] = [];
  for (let part = 0; ; part++) {
    const bytes = properties[`runs${part}`];
    if (!(bytes instanceof Uint8Array)) return runs;
    const packed = Buffer.from(bytes);
    for (let at = 0; at < packed.length; at += runBytes) {
      const attempt = packed.toString('hex', at, at + 4);
      runs.push({ attempt, count: packed.readUInt16BE(at + 4) });
    }
  }
}
