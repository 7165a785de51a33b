import type { RepositoryName } from './repository-name.ts';

/**
 * Whether a repository matches one of the patterns: a name, a prefix ended by `*` (`team/*`), or `*`.
 * `team/*` does not match `team` itself.
 */
export function matchesPattern(patterns: readonly string[], repository: RepositoryName): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? repository.startsWith(pattern.slice(0, -1)) : repository === pattern,
  );
}
