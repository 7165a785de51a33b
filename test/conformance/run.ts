import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installTools, toolPath } from '../clients/install.ts';
import { exec, stopAllDaemons } from '../clients/process.ts';
import { startRegistry, type Registry } from '../clients/registry.ts';

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
  disabled: number;
  errors: number;
  total: number;
}

interface Variant {
  name: string;
  /** Of the registry. */
  settings: Record<string, string>;
  /** Of the conformance program. */
  options: Record<string, string>;
}

const variants: Variant[] = [
  { name: 'default settings', settings: {}, options: {} },
  { name: 'strict host', settings: { LIGHTER_HOST_STRICT: '1' }, options: {} },
  {
    name: 'sparse manifests',
    settings: { LIGHTER_ALLOW_MISSING_BLOBS: 'conf/*' },
    options: { OCI_DATA_SPARSE: 'true' },
  },
];

/** The summary that the program prints, one line per kind of result, dots between. */
function parseSummary(output: string): Counts {
  const summary = output.slice(output.lastIndexOf('OCI Conformance Result'));
  const count = (label: string): number => {
    const found = new RegExp(`^\\s*${label}[ .:]+(\\d+)\\s*$`, 'm').exec(summary)?.[1];
    if (found === undefined)
      throw new Error(`the summary has no line ${label}:\n${output.slice(-3000)}`);
    return Number(found);
  };
  return {
    passed: count('Pass'),
    failed: count('FAIL'),
    skipped: count('Skip'),
    disabled: count('Disabled'),
    errors: count('Error'),
    total: count('Total'),
  };
}

/** Runs the program to its end, whatever its exit code: its summary says more. */
async function runProgram(registry: Registry, variant: Variant, results: string): Promise<string> {
  return exec('sh', ['-c', '"$0" 2>&1 || test $? -eq 1', toolPath('conformance')], {
    timeoutSeconds: 300,
    env: {
      OCI_REGISTRY: registry.host,
      OCI_TLS: 'disabled',
      OCI_REPO1: 'conf/a',
      OCI_REPO2: 'conf/b',
      OCI_USERNAME: registry.user,
      OCI_PASSWORD: registry.password,
      OCI_VERSION: 'dev',
      OCI_RESULTS_DIR: results,
      ...variant.options,
    },
  });
}

/** What failed, as the program warned of it, and what its JUnit report calls skipped. */
async function complaints(output: string, results: string): Promise<string> {
  const warnings = output.split('\n').filter((line) => /level=(WARN|ERROR)/.test(line));
  const report = await readFile(join(results, 'junit.xml'), 'utf8').catch(() => '');
  const skipped = report.matchAll(/<testcase name="([^"]*)"[^>]*status="(?:skip|disabled)[^"]*"/g);
  return [
    ...warnings.slice(0, 80).map((line) => line.slice(0, 1000)),
    ...[...skipped].slice(0, 40).map((match) => `not run: ${match[1]}`),
  ].join('\n');
}

async function runVariant(variant: Variant, folder: string): Promise<Counts> {
  const registry = await startRegistry(join(folder, 'registry'), variant.settings);
  const results = join(resultsFolder, variant.name.replaceAll(' ', '-'));
  await mkdir(results, { recursive: true });
  try {
    const output = await runProgram(registry, variant, results);
    const counts = parseSummary(output);
    if (counts.passed !== counts.total || counts.total === 0) {
      console.log(output.slice(output.lastIndexOf('OCI Conformance Result')));
      console.log(await complaints(output, results));
    }
    return counts;
  } finally {
    await registry.stop();
  }
}

/** Where the program's reports stay for whoever wants to read them. */
const resultsFolder = join(import.meta.dirname, '../../results/conformance');

/** Everything that is not a pass counts as a failure here, skipped and disabled tests too. */
async function runAll(folder: string): Promise<boolean> {
  const notBuilt = await installTools(['conformance']);
  for (const error of notBuilt.values()) throw error;
  const rows: [string, Counts][] = [];
  for (const variant of variants) {
    const variantFolder = join(folder, variant.name.replaceAll(' ', '-'));
    rows.push([variant.name, await runVariant(variant, variantFolder)]);
  }
  const columns = ['passed', 'failed', 'skipped', 'disabled', 'errors', 'total'] as const;
  const line = (name: string, cells: (string | number)[]): string =>
    name.padEnd(18) + cells.map((cell) => String(cell).padStart(10)).join('');
  console.log(line('', [...columns]));
  for (const [name, counts] of rows)
    console.log(
      line(
        name,
        columns.map((column) => counts[column]),
      ),
    );

  const passed = rows.reduce((sum, [, counts]) => sum + counts.passed, 0);
  const total = rows.reduce((sum, [, counts]) => sum + counts.total, 0);
  console.log(`${passed} passed, ${total - passed} failed`);
  return passed === total && total > 0;
}

const folder = await mkdtemp(join(tmpdir(), 'lighter-conformance-'));

async function cleanUp(): Promise<void> {
  await stopAllDaemons();
  await rm(folder, { recursive: true, force: true }).catch(() => {});
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
}

try {
  process.exitCode = (await runAll(folder)) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log('0 passed, 1 failed');
  process.exitCode = 1;
} finally {
  await cleanUp();
}
