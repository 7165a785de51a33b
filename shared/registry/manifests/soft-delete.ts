import { type Digest, parseDigest } from '../../domain/digest.ts';
import { parseTag, type Tag } from '../../domain/reference.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { matchesPattern } from '../../domain/repository-pattern.ts';
import type { Row, RowProperties } from '../../ports/table-store.ts';
import { inSeconds, type Registry } from '../registry.ts';
import { workKey } from '../rows/row-keys.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import { optionalText } from '../rows/row-values.ts';

/**
 * The names of tags that a deletion takes with it, joined by commas. On the row of a live manifest:
 * those that a deletion with very many of them has taken so far.
 */
const deletedTags = 'deletedTags';
/** How many names did not fit. */
const deletedTagsForgotten = 'deletedTagsForgotten';
const deletedAt = 'deletedAt';
const retainSeconds = 'retainSeconds';
/** The key of the work row that ends a deleted manifest: as uploads and intents name theirs. */
const endedBy = 'workKey';
/** The manifest with which this one went, as a referrer of it. */
const deletedWith = 'deletedWith';

/** A row's text property holds 32 K characters. */
const maxNamesChars = 30_000;

/** What the row of a deleted manifest says of its deletion. */
export interface Deletion {
  readonly deletedTime: Date;
  /** When the sweep may take it, unless something touches its row until then. */
  readonly endsTime: Date;
  readonly tags: readonly Tag[];
  /** Tags whose names found no room in the row. */
  readonly forgottenTags: number;
  readonly deletedWith: Digest | undefined;
}

/** The properties that {@link deletionOf} reads. */
export const deletionProperties = [
  deletedTags,
  deletedTagsForgotten,
  deletedAt,
  retainSeconds,
  deletedWith,
] as const;

/**
 * How long a manifest that is deleted now can be restored, in seconds; undefined where it cannot.
 * Of several rules the one that keeps it longest counts. Throws PolicyUnreadable.
 */
export async function retainSecondsIn(
  registry: Registry,
  repository: RepositoryName,
): Promise<number | undefined> {
  const { softDelete } = await registry.policy.current();
  const days = softDelete
    .filter(({ repositories }) => matchesPattern(repositories, repository))
    .map(({ retainDays }) => retainDays);
  return days.length === 0 ? undefined : Math.max(...days) * registry.seconds.retainedDay;
}

/** What a row remembers of tags that go, beside those that went before. */
export function rememberTags({ properties }: ManifestRow, tags: readonly Tag[]): RowProperties {
  const known = rememberedTags(properties);
  const fresh = tags.filter((tag) => !known.includes(tag));
  let names = known.join(',');
  let forgotten = forgottenTags(properties);
  for (const tag of fresh) {
    const longer = names === '' ? tag : `${names},${tag}`;
    if (longer.length > maxNamesChars) forgotten += 1;
    else names = longer;
  }
  return {
    ...(names === '' ? {} : { [deletedTags]: names }),
    ...(forgotten === 0 ? {} : { [deletedTagsForgotten]: forgotten }),
  };
}

/** The row of a manifest that ends its life now, restorable for so long. */
export function asDeleted(
  registry: Registry,
  row: ManifestRow,
  end: {
    readonly tags: readonly Tag[];
    readonly retainSeconds: number;
    readonly deletedWith: Digest | undefined;
  },
): { readonly properties: RowProperties; readonly work: string } {
  const work = workKey(inSeconds(registry, end.retainSeconds), 'm', row.digest);
  const properties = {
    ...row.properties,
    ...rememberTags(row, end.tags),
    state: 'deleted',
    [deletedAt]: registry.clock.now(),
    [retainSeconds]: end.retainSeconds,
    [endedBy]: work,
    ...(end.deletedWith === undefined ? {} : { [deletedWith]: end.deletedWith }),
  };
  return { properties, work };
}

/** The row of a deleted manifest that lives again; `tags` are still to be restored. */
export function asRestored({ properties }: ManifestRow, tags: readonly Tag[]): RowProperties {
  const gone: readonly string[] = [...deletionProperties, endedBy];
  const kept = Object.entries(properties).filter(([name]) => !gone.includes(name));
  return {
    ...Object.fromEntries(kept),
    state: 'live',
    ...(tags.length === 0 ? {} : { [deletedTags]: tags.join(',') }),
  };
}

/** The key of the work row that ends a deleted manifest, and how old that must be before it may. */
export function endOf({ properties }: ManifestRow): {
  readonly workKey: unknown;
  readonly seconds: number;
} {
  const seconds = properties[retainSeconds];
  return { workKey: properties[endedBy], seconds: typeof seconds === 'number' ? seconds : 0 };
}

/** What the row of a deleted manifest, or the part of it that was read, says of its deletion. */
export function deletionOf({ properties }: Pick<Row, 'properties'>): Deletion {
  const at = properties[deletedAt];
  const deletedTime = at instanceof Date ? at : new Date(0);
  const seconds = properties[retainSeconds];
  return {
    deletedTime,
    endsTime: new Date(deletedTime.getTime() + (typeof seconds === 'number' ? seconds : 0) * 1000),
    tags: rememberedTags(properties),
    forgottenTags: forgottenTags(properties),
    deletedWith: parseDigest(
      optionalText({ rowKey: '', etag: '', ageMs: 0, properties }, deletedWith) ?? '',
    ),
  };
}

/** The tags that a row remembers. */
export function rememberedTags(properties: RowProperties): readonly Tag[] {
  const names = properties[deletedTags];
  return typeof names === 'string' ? names.split(',').flatMap((name) => parseTag(name) ?? []) : [];
}

function forgottenTags(properties: RowProperties): number {
  const count = properties[deletedTagsForgotten];
  return typeof count === 'number' ? count : 0;
}
