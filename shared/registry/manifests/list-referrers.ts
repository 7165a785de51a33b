import type { Digest } from '../../domain/digest.ts';
import { isObject } from '../../domain/json.ts';
import { type Annotations, parseManifest } from '../../domain/manifest.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Row } from '../../ports/table-store.ts';
import { readManifest } from './get-manifest.ts';
import type { Registry } from '../registry.ts';
import { manifestWithheld } from '../rows/quarantine.ts';
import { keysUnder, repositoryPartition } from '../rows/row-keys.ts';
import { number, optionalText, text } from '../rows/row-values.ts';
import { limits } from '../settings.ts';

/** One element of a referrers list (OCI distribution-spec v1.1, end-12). */
export interface ReferrerDescriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Annotations;
}

export interface ReferrersPage {
  readonly descriptors: readonly ReferrerDescriptor[];
  /** Where the next page begins; undefined on the last. */
  readonly next: Digest | undefined;
}

/**
 * One page of the manifests that refer to a subject, which need not exist, in the order of their
 * digests. It ends early, with at least one of them, before it gets too large for clients to read.
 * One request, and one for each referrer with very large annotations.
 */
export async function listReferrers(
  registry: Registry,
  repository: RepositoryName,
  subject: Digest,
  page: {
    readonly last: string;
    readonly limit: number;
    readonly artifactType: string | undefined;
    /** Shows what is in quarantine, too. */
    readonly seesQuarantined?: boolean;
  },
): Promise<ReferrersPage> {
  const partition = repositoryPartition(repository);
  const range = keysUnder(`r:${subject}:`);
  const found: ReferrerDescriptor[] = [];
  let sizeBytes = 0;
  const limit = page.limit + 1;
  let from = page.last === '' ? range.from : `${range.from}${page.last}!`;
  for (;;) {
    const rows = await registry.tables.list('repo', partition, {
      from,
      before: range.before,
      limit,
    });
    for (const row of rows) {
      if (page.artifactType !== undefined && text(row, 'artifactType') !== page.artifactType)
        continue;
      if (row.properties[manifestWithheld] === true && page.seesQuarantined !== true) continue;
      const full = { descriptors: found, next: found.at(-1)?.digest };
      if (found.length === page.limit) return full;
      const descriptor = await parseReferrer(registry, partition, row, range.from);
      sizeBytes += Buffer.byteLength(JSON.stringify(descriptor)) + 1;
      if (found.length > 0 && sizeBytes > limits.maxReferrersBytes) return full;
      found.push(descriptor);
    }
    const lastRow = rows.at(-1);
    if (rows.length < limit || lastRow === undefined) {
      return { descriptors: found, next: undefined };
    }
    from = `${lastRow.rowKey}!`;
  }
}

async function parseReferrer(
  registry: Registry,
  partition: string,
  row: Row,
  prefix: string,
): Promise<ReferrerDescriptor> {
  const digest = row.rowKey.slice(prefix.length) as Digest;
  const artifactType = text(row, 'artifactType');
  const annotations = await annotationsOf(registry, partition, digest, row);
  return {
    mediaType: text(row, 'mediaType'),
    digest,
    size: number(row, 'size'),
    ...(artifactType === '' ? {} : { artifactType }),
    ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
}

async function annotationsOf(
  registry: Registry,
  partition: string,
  digest: Digest,
  row: Row,
): Promise<Annotations> {
  const stored = optionalText(row, 'annotations');
  if (stored !== undefined) {
    const parsed: unknown = JSON.parse(stored);
    return isObject(parsed) ? (parsed as Annotations) : {};
  }
  const manifest = await readManifest(registry, partition, digest);
  return manifest === undefined
    ? {}
    : parseManifest(manifest.bytes, manifest.mediaType).annotations;
}
