import { type Digest, parseDigest } from './digest.ts';
import { isObject, type JsonObject, parseJsonObject } from './json.ts';

/**
 * What an image runs on (OCI image-spec v1.1, "image index", `platform`); empty where it is not
 * said.
 */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
}

/** One element of an index. */
export interface IndexReference extends Platform {
  readonly digest: Digest;
}

const maxLength = 128;
const imageConfigTypes = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/** Whether a config of this type says the platform. */
export function isImageConfig(mediaType: string): boolean {
  return imageConfigTypes.includes(mediaType);
}

/** The platform an image's config names; undefined when the bytes are no JSON object. */
export function platformOfConfig(bytes: Uint8Array): Platform | undefined {
  const config = parseJsonObject(bytes);
  return config === undefined ? undefined : platformIn(config);
}

/** The elements of an index that have a digest, in its order. */
export function referencesOfIndex(bytes: Uint8Array): IndexReference[] {
  const manifests = parseJsonObject(bytes)?.['manifests'];
  if (!Array.isArray(manifests)) return [];
  return manifests.flatMap((element: unknown) => {
    if (!isObject(element)) return [];
    const digest = parseDigest(String(element['digest']));
    const platform = element['platform'];
    return digest === undefined
      ? []
      : [{ digest, ...platformIn(isObject(platform) ? platform : {}) }];
  });
}

function platformIn(json: JsonObject): Platform {
  return { architecture: shortText(json['architecture']), os: shortText(json['os']) };
}

function shortText(value: unknown): string {
  return typeof value === 'string' && value.length <= maxLength ? value : '';
}
