import { readConfigFile } from '../config-file.ts';
import { loginIn } from '../docker-config.ts';
import { ImagePull } from '../image-pull.ts';
import { parseImage } from '../image-reference.ts';
import { type Session, startProbe } from '../keep.ts';
import {
  type Environment,
  identityFrom,
  type OptionName,
  type Options,
  parseOptions,
  registryFrom,
  required,
} from '../options.ts';
import { describe, Problem } from '../problem.ts';
import { answers, connects, pullToken, resolves } from '../probe.ts';
import { exchange, type Registry } from '../registry.ts';
import { untilAborted } from '../wait.ts';

const allowed: readonly OptionName[] = [
  'registry',
  'image',
  'identity',
  'client-id',
  'tenant-id',
  'token-file',
  'identity-endpoint',
  'config',
  'health',
  'stay',
];

/**
 * What a pull needs, step by step, each a line on stdout that begins with `ok` or `FAILED`; the
 * first that fails is the last. Then `result: ok` or `result: FAILED`. With `--stay` it waits
 * afterwards, as what Kubernetes runs on every node must.
 */
export async function runCheck(
  args: readonly string[],
  environment: Environment,
  { signal }: Session,
): Promise<void> {
  const options = parseOptions(args, allowed);
  const problem = await steps(options, environment).then(
    () => undefined,
    (error: unknown) => describe(error),
  );
  print(`result: ${problem === undefined ? 'ok' : 'FAILED'}`);
  if (options.stay === true) {
    const health = await startProbe(options.health ?? '127.0.0.1:18081');
    health.set(problem);
    await untilAborted(signal);
    health.stop();
  } else if (problem !== undefined) {
    process.exitCode = 1;
  }
}

async function steps(options: Options, environment: Environment): Promise<void> {
  const registry = registryFrom(options);
  const image = parseImage(required(options, 'image'));
  await step('name', () => resolves(registry));
  await step('connection', () => connects(registry));
  await step('registry', () => answers(registry));
  const login = await logIn(options, environment, registry);
  let token = '';
  await step('token', async () => {
    token = await pullToken(registry, login, image.repository);
    return `may pull ${image.repository}`;
  });
  const pull = new ImagePull(registry, token);
  let layers: Awaited<ReturnType<typeof pull.manifest>>['layers'] = [];
  await step('manifest', async () => {
    const manifest = await pull.manifest(image);
    layers = manifest.layers;
    return manifest.digest;
  });
  await step('layer', async () => {
    const [layer] = layers;
    if (layer === undefined) throw new Problem('the image has no layer');
    const host = await pull.layer(image.repository, layer);
    return `${layer.digest}, ${layer.size} bytes, from ${host}`;
  });
}

/** By the kubelet's own credential with `--config`; by the identity without, or by both in turn. */
async function logIn(options: Options, environment: Environment, registry: Registry) {
  const { config } = options;
  let login: { readonly username: string; readonly password: string } | undefined;
  if (config === undefined || options.identity !== undefined) {
    const identity = identityFrom(options, environment, options.identity ?? 'managed-identity');
    await step('identity', async () => {
      login = await exchange(registry, await identity());
      return 'the registry takes it';
    });
  }
  if (config !== undefined) {
    await step('credential', async () => {
      const found = loginIn(await readConfigFile(config), registry.host);
      if (found === undefined) throw new Problem(`${config} has none for ${registry.host}`);
      login = found;
      return `${config} has one`;
    });
  }
  if (login === undefined) throw new Problem('there is no credential');
  return login;
}

async function step(name: string, run: () => Promise<string>): Promise<void> {
  const startedAt = performance.now();
  try {
    const found = await run();
    print(`ok ${name}: ${found} (${Math.round(performance.now() - startedAt)} ms)`);
  } catch (error) {
    print(`FAILED ${name}: ${describe(error)}`);
    throw error;
  }
}

const print = (line: string) => void process.stdout.write(`${line}\n`);
