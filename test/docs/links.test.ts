import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: root });

interface Link {
  readonly document: string;
  readonly target: string;
}

/** Links of a document to files of the repository, without those inside code. */
async function relativeLinks(document: string): Promise<Link[]> {
  const text = await readFile(join(root, document), 'utf8');
  const prose = text.replace(/^```.*?^```/gms, '').replace(/`[^`\n]*`/g, '`code`');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => ({ document, target }))
    .filter(({ target }) => !/^[a-z]+:/.test(target));
}

/** The anchor that a heading gets on the usual forges. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

async function isBroken({ document, target }: Link): Promise<boolean> {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? join(root, document) : join(root, dirname(document), path);
  if (!existsSync(file)) return true;
  if (anchor === undefined || !file.endsWith('.md')) return false;
  const headings = (await readFile(file, 'utf8')).matchAll(/^#+ (.+)$/gm);
  return ![...headings].some(([, heading = '']) => anchorOf(heading) === anchor);
}

test('every relative link in the documents leads to a file, and to a heading of it', async () => {
  const links = (await Promise.all(documents.map(relativeLinks))).flat();
  const broken = await Promise.all(
    links.map(async (link) => ((await isBroken(link)) ? [link] : [])),
  );
  expect(links.length).toBeGreaterThan(20);
  expect(broken.flat()).toEqual([]);
});

test('the code that refers to a section of a document finds it there', async () => {
  const sources = globSync(['functions/**/*.ts', 'shared/**/*.ts', 'local/**/*.ts'], { cwd: root });
  const references = await Promise.all(
    sources.map(async (source) => {
      const text = await readFile(join(root, source), 'utf8');
      return [...text.matchAll(/(docs\/[\w/-]+\.md), "([^"]+)"/g)].map(
        ([, document = '', heading = '']): Link => ({
          document: '.',
          target: `${document}#${anchorOf(heading)}`,
        }),
      );
    }),
  );
  const links = references.flat();
  const broken = await Promise.all(
    links.map(async (link) => ((await isBroken(link)) ? [link.target] : [])),
  );
  expect(links.length).toBeGreaterThan(3);
  expect(broken.flat()).toEqual([]);
});

test('the README stays below 250 lines', async () => {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  expect(text.split('\n').length).toBeLessThan(250);
});
