import { type Digest, parseDigest } from '../../domain/digest.ts';
import type { Child, Manifest } from '../../domain/manifest.ts';
import type { Tag } from '../../domain/reference.ts';
import type { Operation } from '../../ports/table-store.ts';
import { lostRace, untilDecided } from '../contention.ts';
import { readManifestRow } from './manifest-row.ts';
import { referrerOperation } from './referrer-rows.ts';
import type { Registry } from '../registry.ts';
import { isWithheld } from '../rows/quarantine.ts';
import { manifestKey } from '../rows/row-keys.ts';

/** Two operations a child. */
const childrenPerTransaction = 50;
/** A manifest's referrer rows all go in the transaction that deletes it. */
const maxFallbackSubjects = 16;

/** The subject of a tag under which clients without the referrers API keep a list themselves. */
export function fallbackSubject(tag: Tag): Digest | undefined {
  const [, algorithm, hex] = /^(sha256|sha512)-([0-9a-f]+)$/.exec(tag) ?? [];
  return algorithm === undefined ? undefined : parseDigest(`${algorithm}:${hex}`);
}

/**
 * Takes the list of a fallback tag into the referrers API (OCI distribution-spec v1.1, "Enabling
 * the Referrers API"). Only manifests that live here count. Each one's row notes the subject (16 at
 * most), so that its deletion takes the referrer row along. Repeating it changes nothing.
 */
export async function ingestFallback(
  registry: Registry,
  partition: string,
  subject: Digest,
  index: Manifest,
): Promise<void> {
  const children = index.children.filter(({ kind }) => kind === 'manifest');
  for (let at = 0; at < children.length; at += childrenPerTransaction) {
    const some = children.slice(at, at + childrenPerTransaction);
    await untilDecided(() => ingestSome(registry, partition, subject, some));
  }
}

async function ingestSome(
  registry: Registry,
  partition: string,
  subject: Digest,
  children: readonly Child[],
): Promise<typeof lostRace | undefined> {
  const operations = await Promise.all(
    children.map(async (child): Promise<Operation[]> => {
      const row = await readManifestRow(registry, partition, child.digest);
      if (row?.state !== 'live' || row.subject === subject) return [];
      const subjects = new Set([...row.fallbackSubjects, subject]);
      if (subjects.size > maxFallbackSubjects) return [];
      return [
        {
          kind: 'merge',
          rowKey: manifestKey(child.digest),
          etag: row.etag,
          properties: { fallbackSubjects: [...subjects].join(',') },
        },
        referrerOperation(subject, child.digest, child, isWithheld(row.properties)),
      ];
    }),
  );
  if (operations.flat().length === 0) return undefined;
  const outcome = await registry.tables.commit('repo', partition, operations.flat());
  return outcome.ok ? undefined : lostRace;
}
