import type { Digest } from '../../domain/digest.ts';
import type { Annotations } from '../../domain/manifest.ts';
import type { Operation } from '../../ports/table-store.ts';
import { manifestWithheld } from '../rows/quarantine.ts';
import { referrerKey } from '../rows/row-keys.ts';

/** Larger annotations are read from the manifest: a row's text property holds 32 K characters. */
const maxAnnotationsChars = 16_000;

/**
 * The row that makes a manifest appear in its subject's list; one that is withheld, for who may see
 * it.
 */
export function referrerOperation(
  subject: Digest,
  digest: Digest,
  descriptor: {
    readonly mediaType: string;
    readonly sizeBytes: number;
    readonly artifactType: string | undefined;
    readonly annotations: Annotations;
  },
  withheld: boolean,
): Operation {
  const annotations = JSON.stringify(descriptor.annotations);
  return {
    kind: 'upsert',
    rowKey: referrerKey(subject, digest),
    properties: {
      mediaType: descriptor.mediaType,
      size: descriptor.sizeBytes,
      artifactType: descriptor.artifactType ?? '',
      ...(withheld ? { [manifestWithheld]: true } : {}),
      ...(annotations.length <= maxAnnotationsChars ? { annotations } : {}),
    },
  };
}
