import * as v from 'valibot';
import { parseTagPattern, type TagPattern } from '../domain/tag-pattern.ts';
import { description, repositoryPatterns, resourceName } from './repository-rules.ts';
import { uniqueNames } from './scope-maps.ts';

const repositories = v.pipe(repositoryPatterns, v.minLength(1));
const days = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(3650));
const count = v.pipe(v.number(), v.integer(), v.minValue(1));
const maxRules = 100;

const tagPattern = v.pipe(
  v.string(),
  v.description(
    'A regular expression for the whole tag; without references back, looking around, repeated groups, and with at most three of `*`, `+`, `{n,}`.',
  ),
  v.check(isTagPattern, 'must be a regular expression that is quick to match'),
  v.transform((text): TagPattern => parseTagPattern(text) ?? neverMatches),
);

/** Which tags go: those for which all that is said here is true. */
const tagRule = v.pipe(
  v.strictObject({
    match: v.optional(tagPattern),
    olderThanDays: v.optional(
      v.pipe(days, v.description('It was pushed, or last moved, longer ago.')),
    ),
    notPulledForDays: v.optional(
      v.pipe(days, v.description('Nor was it pulled, as far as that is sampled.')),
    ),
    keepNewest: v.optional(
      v.pipe(count, v.description('Of the tags that match, so many of the newest stay.')),
    ),
  }),
  v.check(
    ({ olderThanDays, notPulledForDays, keepNewest }) =>
      (olderThanDays ?? notPulledForDays ?? keepNewest) !== undefined,
    'must say olderThanDays, notPulledForDays or keepNewest',
  ),
);

/** What is deleted by itself, in the repositories of these patterns. */
export const retentionRule = v.pipe(
  v.strictObject({
    name: resourceName,
    description,
    repositories,
    tags: v.optional(v.pipe(v.array(tagRule), v.maxLength(20)), []),
    untaggedAfterDays: v.optional(
      v.pipe(
        days,
        v.description(
          'Manifests that have no tag for so long, are in no index and refer to no subject.',
        ),
      ),
    ),
    protect: v.pipe(
      v.optional(v.pipe(v.array(tagPattern), v.maxLength(20)), []),
      v.description('Tags that stay, with their manifests, whatever else is said.'),
    ),
  }),
  v.check(
    ({ tags, untaggedAfterDays }) => tags.length > 0 || untaggedAfterDays !== undefined,
    'must say tags or untaggedAfterDays',
  ),
);
export type RetentionRule = v.InferOutput<typeof retentionRule>;

export const retentionRules = v.pipe(
  v.array(retentionRule),
  v.maxLength(maxRules),
  uniqueNames<RetentionRule>(),
);

/** Tags that are never moved to another manifest nor deleted, once they are pushed. */
export const immutabilityRules = v.pipe(
  v.array(v.strictObject({ repositories, tags: v.optional(tagPattern) })),
  v.maxLength(maxRules),
);
export type ImmutabilityRule = v.InferOutput<typeof immutabilityRules>[number];

/** Where a deleted manifest can be restored, and for how long. */
export const softDeleteRules = v.pipe(
  v.array(
    v.strictObject({
      repositories,
      retainDays: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(90)),
    }),
  ),
  v.maxLength(maxRules),
);
export type SoftDeleteRule = v.InferOutput<typeof softDeleteRules>[number];

/** How much each repository of these patterns may hold. The first rule that fits counts. */
export const quotaRules = v.pipe(
  v.array(
    v.pipe(
      v.strictObject({
        repositories,
        maxBytes: v.optional(count),
        maxManifests: v.optional(count),
        maxTags: v.optional(count),
      }),
      v.check(
        ({ maxBytes, maxManifests, maxTags }) =>
          (maxBytes ?? maxManifests ?? maxTags) !== undefined,
        'must say maxBytes, maxManifests or maxTags',
      ),
    ),
  ),
  v.maxLength(maxRules),
);
export type QuotaRule = v.InferOutput<typeof quotaRules>[number];

/** Copies of the tables, taken daily. */
export const backupSettings = v.strictObject({
  keepDays: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(365)), 14),
});
export type BackupSettings = v.InferOutput<typeof backupSettings>;

const neverMatches = requiredPattern('[^\\w\\W]');

function isTagPattern(text: string): boolean {
  return parseTagPattern(text) !== undefined;
}

function requiredPattern(text: string): TagPattern {
  const pattern = parseTagPattern(text);
  if (pattern === undefined) throw new TypeError(`not a tag pattern: ${text}`);
  return pattern;
}
