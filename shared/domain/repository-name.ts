/** A repository name that has passed {@link parseRepositoryName}. */
export type RepositoryName = string & { readonly __brand: 'RepositoryName' };

const namePattern =
  /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const maxNameLength = 255;

/**
 * Parses a repository name by the grammar of OCI distribution-spec v1.1, "Pulling manifests", at
 * most 255 characters. Returns undefined for anything else. `blobs`, `manifests`, `tags` are legal
 * segments.
 */
export function parseRepositoryName(text: string): RepositoryName | undefined {
  return text.length <= maxNameLength && namePattern.test(text)
    ? (text as RepositoryName)
    : undefined;
}
