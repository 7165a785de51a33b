import { parseDigest } from '../../domain/digest.ts';
import { isImageConfig, type Platform, platformOfConfig } from '../../domain/platform.ts';
import type { RepositoryName } from '../../domain/repository-name.ts';
import type { Row } from '../../ports/table-store.ts';
import { readBlobLink } from '../blobs/blob-link.ts';
import type { Registry } from '../registry.ts';
import { repositoryPartition } from '../rows/row-keys.ts';
import { optionalText } from '../rows/row-values.ts';
import { limits } from '../settings.ts';

/** So many configs are read for one answer, so many of them at a time. */
const maxConfigs = 200;
const configsAtOnce = 8;

/**
 * What images run on, in the order of their manifests' rows: what a row says, else what the image's
 * config says, which the row keeps from then on. Undefined for what is no image or has a large
 * config; of more than 200 images whose config was never read, the rest is left to the next answer.
 * Two requests and one more for an image, once.
 */
export async function platformsOf(
  registry: Registry,
  repository: RepositoryName,
  manifests: readonly Row[],
): Promise<(Platform | undefined)[]> {
  const platforms = manifests.map(knownPlatform);
  const unread = manifests
    .flatMap((row, index) => (platforms[index] === undefined ? [{ row, index }] : []))
    .filter(({ row }) => isImageConfig(optionalText(row, 'configMediaType') ?? ''))
    .slice(0, maxConfigs);
  for (let at = 0; at < unread.length; at += configsAtOnce) {
    await Promise.all(
      unread.slice(at, at + configsAtOnce).map(async ({ row, index }) => {
        platforms[index] = await readPlatform(registry, repository, row);
      }),
    );
  }
  return platforms;
}

function knownPlatform(row: Row): Platform | undefined {
  const architecture = optionalText(row, 'architecture');
  const os = optionalText(row, 'os');
  return architecture === undefined || os === undefined ? undefined : { architecture, os };
}

async function readPlatform(
  registry: Registry,
  repository: RepositoryName,
  row: Row,
): Promise<Platform | undefined> {
  const digest = parseDigest(optionalText(row, 'config') ?? '');
  const link = digest && (await readBlobLink(registry, repository, digest));
  if (link === undefined || link.sizeBytes === 0) return undefined;
  if (link.sizeBytes > limits.maxServedBlobBytes) return undefined;
  const bytes = await registry.blobs.read('content', link.name);
  const platform = bytes && platformOfConfig(bytes);
  if (platform === undefined) return undefined;
  await registry.tables.commit('repo', repositoryPartition(repository), [
    { kind: 'merge', rowKey: row.rowKey, etag: '*', properties: { ...platform } },
  ]);
  return platform;
}
