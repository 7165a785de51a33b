import type { DeletedManifest } from '../registry/manifests/list-deleted.ts';
import type { ManifestDescription } from '../registry/manifests/describe-manifest.ts';
import type { RepositoryDescription } from '../registry/repositories/describe-repository.ts';
import type { TagDescription } from '../registry/tags/describe-tag.ts';
import type { AcrPage } from './acr-request.ts';
import type { RegistryResponse } from './message.ts';
import { nextLink } from './pagination.ts';
import type { RepositoryCall } from './route.ts';

/** An answer of ACR's REST API: the registry, the repository, and what was asked for. */
export function acrAnswer(
  { origin, repository }: RepositoryCall,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): RegistryResponse {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify({ registry: new URL(origin).host, imageName: repository, ...value }),
  };
}

/**
 * The header that leads to the next page of a list. Every parameter has a value, or at least its
 * `=`.
 */
export function nextAcrLink(
  call: RepositoryCall,
  list: '_tags' | '_manifests',
  page: Pick<AcrPage, 'limit' | 'order'>,
  next: string | undefined,
): Readonly<Record<string, string>> {
  if (next === undefined) return {};
  const digest = call.request.query.get('digest');
  return nextLink(`/acr/v1/${call.repository}/${list}`, {
    last: next,
    n: String(page.limit),
    orderby: page.order === 'none' ? '' : page.order,
    ...(digest === null ? {} : { digest }),
  });
}

/** A list as ACR has it: `acr` goes on until there is none, and takes the last of an empty one. */
export function orNull(list: readonly object[]): readonly object[] | null {
  return list.length === 0 ? null : list;
}

export function repositoryJson(description: RepositoryDescription): object {
  return {
    createdTime: description.createdTime,
    lastUpdateTime: description.lastUpdateTime,
    manifestCount: description.manifestCount,
    tagCount: description.tagCount,
    changeableAttributes: description.attributes,
  };
}

export function tagJson(description: TagDescription): object {
  return {
    name: description.key,
    digest: description.digest,
    createdTime: description.createdTime,
    lastUpdateTime: description.lastUpdateTime,
    signed: false,
    changeableAttributes: description.attributes,
  };
}

export function manifestJson(description: ManifestDescription): object {
  const { platform, configMediaType, tags, quarantine } = description;
  return {
    digest: description.key,
    imageSize: description.imageSizeBytes,
    createdTime: description.createdTime,
    lastUpdateTime: description.lastUpdateTime,
    ...platformJson(platform),
    mediaType: description.mediaType,
    ...(configMediaType === undefined || configMediaType === '' ? {} : { configMediaType }),
    ...(tags.length === 0 ? {} : { tags }),
    changeableAttributes: {
      ...description.attributes,
      ...(quarantine && { quarantineState: quarantine.state }),
      ...(quarantine?.details !== undefined && { quarantineDetails: quarantine.details }),
    },
  };
}

/** A manifest that can be restored. ACR's own form of it is not documented. */
export function deletedManifestJson(deleted: DeletedManifest): object {
  const { digest, mediaType, sizeBytes, imageSizeBytes, tags, forgottenTags } = deleted;
  return {
    digest,
    mediaType,
    size: sizeBytes,
    imageSize: imageSizeBytes,
    deletedAt: deleted.deletedTime,
    restorableUntil: deleted.endsTime,
    ...(tags.length === 0 ? {} : { tags }),
    ...(forgottenTags === 0 ? {} : { forgottenTags }),
    ...(deleted.deletedWith === undefined ? {} : { deletedWith: deleted.deletedWith }),
  };
}

/** What is not known is left out. */
export function platformJson(platform: ManifestDescription['platform']): object {
  const { architecture = '', os = '' } = platform ?? {};
  return { ...(architecture === '' ? {} : { architecture }), ...(os === '' ? {} : { os }) };
}
