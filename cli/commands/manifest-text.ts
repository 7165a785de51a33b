import * as v from 'valibot';
import { formatBytes, formatTime } from '../terminal/format.ts';
import { details, printable, table } from '../terminal/table.ts';
import { attributes, lockText } from './locks.ts';

/** As ACR's API describes it. */
export const manifest = v.looseObject({
  digest: v.string(),
  imageSize: v.optional(v.number(), 0),
  createdTime: v.string(),
  lastUpdateTime: v.string(),
  architecture: v.optional(v.string()),
  os: v.optional(v.string()),
  mediaType: v.string(),
  tags: v.nullish(v.array(v.string())),
  changeableAttributes: v.looseObject({
    ...attributes.entries,
    quarantineState: v.optional(v.string()),
  }),
});
type Manifest = v.InferOutput<typeof manifest>;

/** Manifests of a repository, a line each. */
export function manifestTable(manifests: readonly Manifest[]): string {
  return table(
    ['DIGEST', 'TAGS', 'PLATFORM', 'SIZE', 'UPDATED', 'LOCKS'],
    manifests.map((each) => [
      each.digest,
      printable(each.tags?.join(', ') || '-'),
      printable(platformOf(each)),
      formatBytes(each.imageSize),
      formatTime(each.lastUpdateTime),
      lockText(each.changeableAttributes),
    ]),
  );
}

/** All of one. */
export function manifestText(value: Manifest): string {
  return details([
    ['digest', value.digest],
    ['media type', printable(value.mediaType)],
    ['platform', printable(platformOf(value))],
    ['size', formatBytes(value.imageSize)],
    ['tags', printable(value.tags?.join(', ') || '-')],
    ['created', formatTime(value.createdTime)],
    ['updated', formatTime(value.lastUpdateTime)],
    ['locks', lockText(value.changeableAttributes)],
    ['quarantine', printable(value.changeableAttributes.quarantineState ?? '-')],
  ]);
}

function platformOf({ os, architecture }: Manifest): string {
  return [os, architecture].filter(Boolean).join('/') || '-';
}
