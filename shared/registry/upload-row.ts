import { parseDigest, parseDigestAlgorithm } from '../domain/digest.ts';
import type { PhysicalName } from '../domain/physical-name.ts';
import type { Row, RowProperties } from '../ports/table-store.ts';
import type { StagedRun, UploadSession } from './rows.ts';
import { number, optionalText, text } from './row-values.ts';

const states = ['open', 'discarded', 'duplicate'] as const;

/** The ids of all blocks of a session, in order. A fixed length, as Put Block wants of one blob's ids. */
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
    runs: session.runs.map(({ attempt, count }) => `${attempt}*${count}`).join(','),
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
    runs: parseRuns(text(row, 'runs')),
    prefixDigest: parseDigest(optionalText(row, 'prefixDigest') ?? ''),
    state: states.find((state) => state === text(row, 'state')) ?? 'discarded',
    workKey: text(row, 'workKey'),
    etag: row.etag,
  };
}

function parseRuns(list: string): StagedRun[] {
  if (list === '') return [];
  return list.split(',').map((run) => {
    const [attempt = '', count = '0'] = run.split('*');
    return { attempt, count: Number(count) };
  });
}
