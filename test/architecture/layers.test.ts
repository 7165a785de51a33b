import { describe, expect, test } from 'vitest';
import { findCycle, type Module, modulesIn, specifiersIn } from './source.ts';

const modules = modulesIn('functions', 'shared', 'local', 'cli');

/** What each layer may import besides itself. `shared/x.ts` stands for that file. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  functions: [
    'shared/http',
    'shared/registry',
    'shared/auth',
    'shared/policy',
    'shared/domain',
    'shared/ports',
    'shared/compose.ts',
    'shared/config.ts',
    'shared/errors.ts',
  ],
  'shared/http': [
    'shared/registry',
    'shared/auth',
    'shared/policy',
    'shared/domain',
    'shared/ports',
    'shared/config.ts',
    'shared/errors.ts',
  ],
  'shared/registry': ['shared/policy', 'shared/domain', 'shared/ports', 'shared/errors.ts'],
  'shared/auth': [
    'shared/policy',
    'shared/domain',
    'shared/ports',
    'shared/config.ts',
    'shared/errors.ts',
  ],
  'shared/policy': ['shared/domain', 'shared/ports'],
  'shared/adapters': ['shared/domain', 'shared/ports', 'shared/config.ts'],
  'shared/ports': ['shared/domain'],
  'shared/domain': [],
  'shared/compose.ts': [
    'shared/http',
    'shared/registry',
    'shared/auth',
    'shared/policy',
    'shared/adapters',
    'shared/domain',
    'shared/ports',
    'shared/config.ts',
  ],
  'shared/config.ts': ['shared/domain'],
  'shared/errors.ts': [],
  local: ['shared/config.ts'],
  // Its arguments are parsed by what the registry parses them by.
  cli: ['shared/domain'],
};

/** Where each package may be imported. */
const packageHomes: Readonly<Record<string, readonly string[]>> = {
  '@azure/functions': ['functions', 'local'],
  '@azure/core-rest-pipeline': ['shared/adapters'],
  '@azure/data-tables': ['shared/adapters'],
  '@azure/identity': ['shared/adapters'],
  '@azure/storage-blob': ['shared/adapters'],
  jose: ['shared/auth', 'shared/adapters'],
  valibot: ['shared/policy', 'shared/http', 'cli'],
  commander: ['cli'],
  '@bomb.sh/tab': ['cli'],
  'lru-cache': ['shared/registry', 'shared/auth', 'shared/adapters'],
  '@azure/functions-core': ['local'],
  azurite: ['local'],
  croner: ['local'],
};

function layerOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return top === 'shared' ? `${top}/${second}` : top;
}

/** Lines that say what is wrong, so that a failure shows all of it. */
const problemsOf = (problems: (module: Module) => readonly string[]): string[] =>
  modules.flatMap((each) => problems(each).map((problem) => `${each.path}: ${problem}`));

describe('dependencies', () => {
  test('point one way', () => {
    const wrong = problemsOf(({ path, files }) => {
      const own = layerOf(path);
      const allowed = [own, ...(mayImport[own] ?? [])];
      return files.filter((file) => !allowed.includes(layerOf(file)));
    });
    expect(wrong).toEqual([]);
    expect(modules.map(({ path }) => layerOf(path)).filter((own) => !(own in mayImport))).toEqual(
      [],
    );
  });

  test('have no cycle, types included', () => {
    expect(findCycle(modules)).toBeUndefined();
  });

  test('on packages stay where they belong', () => {
    const wrong = problemsOf(({ path, packages }) =>
      packages.filter((name) => !packageHomes[name]?.includes(layerOf(path))),
    );
    expect(wrong).toEqual([]);
  });

  test('are on modules that exist, named with their extension', () => {
    const paths = new Set(modules.map(({ path }) => path));
    expect(problemsOf(({ files }) => files.filter((file) => !paths.has(file)))).toEqual([]);
  });
});

describe('modules', () => {
  test('re-export nothing: there are no barrels', () => {
    const barrels = problemsOf(({ path, text }) => [
      ...(/^export\s+(?:type\s+)?(?:\*|\{[^}]*\})\s+from\b/m.test(text) ? ['re-exports'] : []),
      ...(path.endsWith('/index.ts') && path !== 'functions/index.ts' ? ['is an index'] : []),
    ]);
    expect(barrels).toEqual([]);
  });

  test('have 300 lines at most', () => {
    const tooLong = problemsOf(({ text }) => {
      const lines = text.split('\n').length - 1;
      return lines > 300 ? [`${lines} lines`] : [];
    });
    expect(tooLong).toEqual([]);
  });

  test('wrap their comments at 100 columns, as the formatter wraps the code', () => {
    const tooWide = problemsOf(({ text }) =>
      text.split('\n').filter((line) => line.length > 100 && /^\s*(?:\/\/|\/?\*)/.test(line)),
    );
    expect(tooWide).toEqual([]);
  });

  test('export by name', () => {
    expect(problemsOf(({ text }) => text.match(/^export default\b.*/gm) ?? [])).toEqual([]);
  });

  test('do not read the environment, except where the configuration is read from it', () => {
    const readers = modules.filter(
      ({ path, text }) =>
        !['local', 'cli'].includes(layerOf(path)) && /\bprocess\.env\b/.test(text),
    );
    expect(readers.map(({ path }) => path)).toEqual(['functions/index.ts']);
    expect(readers[0]?.text.match(/process\.env/g)).toHaveLength(1);
    expect(readers[0]?.text).toContain('readConfig(process.env)');
  });
});

describe('docstrings', () => {
  test('stand before every port and every method of one', () => {
    const missing = problemsOf(({ path, text }) =>
      path.startsWith('shared/ports/') ? undocumentedIn(text) : [],
    );
    expect(missing).toEqual([]);
  });

  test('stand before every exported function that is asynchronous: it can fail, and must say how', () => {
    const missing = problemsOf(({ path, text }) => {
      if (!path.startsWith('shared/')) return [];
      const lines = text.split('\n');
      return lines.flatMap((line, at) => {
        const name = /^export async function\*? (\w+)/.exec(line)?.[1];
        return name === undefined || isDocumented(lines[at - 1]) ? [] : [name];
      });
    });
    expect(missing).toEqual([]);
  });
});

const isDocumented = (lineBefore: string | undefined) => lineBefore?.endsWith('*/') ?? false;

/** Interfaces with methods, and their methods, that have no docstring. */
function undocumentedIn(text: string): string[] {
  return [...text.matchAll(/(.*)\nexport interface (\w+)[^{]*\{\n([^]*?)^\}/gm)].flatMap(
    (match) => {
      const [, before, name = '', body = ''] = match;
      const methods = [...`\n${body}`.matchAll(/(.*)\n {2}(\w+)\(/g)];
      if (methods.length === 0) return [];
      const own = isDocumented(before) ? [] : [name];
      // Where there is but one method, what the port promises is what it promises.
      const unexplained = methods.filter(([, line]) => !isDocumented(line) && methods.length > 1);
      return [...own, ...unexplained.map(([, , method]) => `${name}.${method}`)];
    },
  );
}

test('these checks see what they look for', () => {
  expect(
    specifiersIn(
      [
        "import a from './a.ts';",
        "import type { B } from './b.ts';",
        "import {\n  type C,\n  d,\n} from './c.ts';",
        "import './d.ts';",
        "export { e } from './e.ts';",
        "const f = await import('./f.ts');",
        "export const text = 'not from';",
      ].join('\n'),
    ),
  ).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts', './f.ts']);

  const port = '{\n  /** Does a. */\n  a(): void;\n  b(): void;\n}\n';
  expect(undocumentedIn(`\n/** Is P. */\nexport interface P ${port}`)).toEqual(['P.b']);
  expect(undocumentedIn(`\n\nexport interface Q ${port}`)).toEqual(['Q', 'Q.b']);

  const fake = (path: string, ...files: string[]): Module => ({
    path,
    files,
    text: '',
    packages: [],
  });
  expect(findCycle([fake('a', 'b'), fake('b', 'c'), fake('c', 'b')])).toEqual(['b', 'c', 'b']);
  expect(findCycle([fake('a', 'b', 'c'), fake('b', 'c'), fake('c')])).toBeUndefined();

  const imported = (layer: string) =>
    modules
      .filter(({ path }) => layerOf(path) === layer)
      .flatMap(({ files }) => files.map(layerOf));
  expect(imported('functions')).toContain('shared/http');
  expect(imported('shared/registry')).toContain('shared/ports');
});
