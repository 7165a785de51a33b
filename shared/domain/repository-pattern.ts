import type { RepositoryName } from './repository-name.ts';

/**
 * Whether a repository matches one of the patterns: a name, a prefix ended by `*` (`team/*`), or
 * `*`. `team/*` does not match `team` itself.
 */
export function matchesPattern(patterns: readonly string[], repository: RepositoryName): boolean {
  return patterns.some((pattern) =>
    pattern.endsWith('*') ? repository.startsWith(pattern.slice(0, -1)) : repository === pattern,
  );
}

/** Whether `pattern` matches all that `narrower` matches. */
export function coversPattern(pattern: string, narrower: string): boolean {
  return (
    pattern === narrower || (pattern.endsWith('*') && narrower.startsWith(pattern.slice(0, -1)))
  );
}

/**
 * The pattern that matches exactly what both match, or undefined when they have nothing in common.
 */
export function commonPattern(one: string, other: string): string | undefined {
  if (coversPattern(one, other)) return other;
  return coversPattern(other, one) ? one : undefined;
}

/** Patterns that together match exactly what one of each side matches. */
export function commonPatterns(some: readonly string[], others: readonly string[]): string[] {
  const common = some.flatMap((one) => others.map((other) => commonPattern(one, other)));
  return widestPatterns(common.filter((pattern) => pattern !== undefined));
}

/** The patterns without those that others of them cover; together they match the same. */
export function widestPatterns(patterns: readonly string[]): string[] {
  const distinct = [...new Set(patterns)];
  return distinct.filter(
    (pattern) => !distinct.some((other) => other !== pattern && coversPattern(other, pattern)),
  );
}
