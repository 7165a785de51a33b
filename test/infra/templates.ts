import { globSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseBicep } from './bicep.ts';
import type { Template } from './bicep-model.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

export function readText(path: string): string {
  return readFileSync(root + path, 'utf8');
}

/** All Bicep files of the repository, by their paths from its root. */
export const templates: readonly Template[] = globSync('infra/**/*.bicep', { cwd: root })
  .map((path) => relative(root, root + path).replaceAll('\\', '/'))
  .toSorted()
  .map((path) => parseBicep(path, readText(path)));

export function templateAt(path: string): Template {
  const found = templates.find((each) => each.path === path);
  if (found === undefined) throw new Error(`there is no ${path}`);
  return found;
}
