import { renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

/** The part of a LokiJS database that saving it takes. */
export interface SnapshotDatabase {
  readonly filename: string;
  autosaveDirty(): boolean;
  autosaveClearFlags(): void;
  autosaveDisable(): void;
  serialize(): string;
}

export interface Snapshots {
  /** Ends the periodic saving and saves once more. Rejects when that last save fails. */
  stop(): Promise<void>;
}

const minPauseMs = 100;
const pausePerSerializingTime = 9;

/**
 * Saves the databases together, so that what is on disk is the state of all of them at one moment.
 *
 * Azurite alone saves each of its databases on a timer of its own, every 5 s: after a SIGKILL the
 * tables can then name blobs that are not there. Here all of them are serialized in one turn of the
 * event loop and renamed into place one after the other, in the order given: extents, blobs,
 * tables, so that even between two renames nothing refers to what is missing. A pause follows that
 * is long enough for serializing to take at most a tenth of this thread's time, however large the
 * databases. What a SIGKILL loses is what came since the last save: that pause and the time to
 * write.
 */
export function startSnapshots(
  databases: readonly SnapshotDatabase[],
  onError: (error: unknown) => void,
): Snapshots {
  const stopping = new AbortController();
  let unsaved: readonly SnapshotDatabase[] = [];
  let pauseMs = minPauseMs;

  for (const database of databases) database.autosaveDisable();

  async function save(): Promise<void> {
    const dirty = databases.filter((each) => each.autosaveDirty() || unsaved.includes(each));
    if (dirty.length === 0) return;
    unsaved = dirty;
    const startedMs = threadCpuMs();
    const files = dirty.map((database) => {
      database.autosaveClearFlags();
      return { path: database.filename, bytes: Buffer.from(database.serialize()) };
    });
    pauseMs = Math.max(minPauseMs, (threadCpuMs() - startedMs) * pausePerSerializingTime);
    await Promise.all(files.map(({ path, bytes }) => writeFile(`${path}.new`, bytes)));
    for (const { path } of files) renameSync(`${path}.new`, path);
    unsaved = [];
  }

  async function saveRepeatedly(): Promise<void> {
    while (!stopping.signal.aborted) {
      await save().catch(onError);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }

  const saving = saveRepeatedly();
  return {
    async stop() {
      stopping.abort();
      await saving;
      await save();
    },
  };
}

/** What this thread has computed, which waiting for a busy machine does not lengthen. */
function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
