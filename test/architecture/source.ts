import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Module {
  /** Relative to the repository's root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  /**
   * What it imports or re-exports, types included: files as paths from the root, packages by name.
   */
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** All TypeScript modules below these folders. */
export function modulesIn(...folders: readonly string[]): Module[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => readModule(`${folder}/${name.replaceAll('\\', '/')}`)),
  );
}

function readModule(path: string): Module {
  const text = readFileSync(join(root, path), 'utf8');
  const specifiers = [...new Set(specifiersIn(text))];
  const files = specifiers.filter((each) => each.startsWith('.') && !each.endsWith('.json'));
  return {
    path,
    text,
    files: files.map((each) => normalize(join(dirname(path), each)).replaceAll('\\', '/')),
    packages: specifiers
      .filter((each) => !each.startsWith('.') && !each.startsWith('node:'))
      .map((each) => /^(?:@[^/]+\/)?[^/]+/.exec(each)?.[0] ?? each),
  };
}

/**
 * Of static imports and re-exports, of `import('…')` and of `require('…')`. Prettier keeps their
 * quotes single.
 */
export function specifiersIn(text: string): string[] {
  const pattern =
    /(?:^(?:import|export)\b[^'"`;]*?\bfrom\s+|^import\s+|\b(?:import|require)\(\s*)'([^']+)'/gm;
  return [...text.matchAll(pattern)].flatMap(([, specifier]) => specifier ?? []);
}

/** The first cycle there is, as the modules along it; undefined without one. */
export function findCycle(modules: readonly Module[]): string[] | undefined {
  const byPath = new Map(modules.map((each) => [each.path, each]));
  const done = new Set<string>();

  function visit(path: string, trail: readonly string[]): string[] | undefined {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of byPath.get(path)?.files ?? []) {
      const cycle = visit(next, [...trail, path]);
      if (cycle !== undefined) return cycle;
    }
    done.add(path);
    return undefined;
  }

  for (const { path } of modules) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
