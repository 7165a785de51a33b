import { attributesOf } from '../rows/attributes.ts';
import { isWithheld } from '../rows/quarantine.ts';
import type { ManifestRow } from '../rows/row-types.ts';
import type { TagTarget } from '../tags/tag-operations.ts';

/** A manifest as what a tag points to, by its row, which the tag's transaction must assert. */
export function targetOf({ digest, mediaType, sizeBytes, properties }: ManifestRow): TagTarget {
  return {
    digest,
    mediaType,
    sizeBytes,
    unreadable: !attributesOf(properties).readEnabled,
    withheld: isWithheld(properties),
  };
}
