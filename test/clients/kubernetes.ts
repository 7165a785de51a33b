import { deepStrictEqual, match, ok, strictEqual } from 'node:assert/strict';
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { buildAgentImage } from '../../infra/kubernetes/agent/image/build.ts';
import { owner } from '../acr/entra-registry.ts';
import { applicationClaims, registryAudience } from '../auth/entra/test-entra.ts';
import { type AzureCluster, kubelet, startAzureCluster } from '../kubernetes/azure-cluster.ts';
import { startContainerd } from './containerd.ts';
import { toolPath } from './install.ts';
import { installSchemas, validate } from './kubernetes-schemas.ts';
import { exec, execMustFail } from './process.ts';
import type { Client, Workbench } from './workbench.ts';

const manifests = join(import.meta.dirname, '../../infra/kubernetes');
const { version } = packageJson;
const tokenUser = '00000000-0000-0000-0000-000000000000';
const loader = 'lib64/ld-linux-x86-64.so.2';

type Tests = Workbench & { readonly cluster: AzureCluster };

/** The agent's image: made, pushed, pulled, and run for each of its purposes. */
async function imageTests({ folder, env, images, cluster, test }: Tests): Promise<void> {
  const layout = join(folder, 'image');
  const root = join(folder, 'root');
  const agentImage = `${cluster.host}/lighter/agent:${version}`;
  const config = join(root, 'tmp/config.json');
  const trusting = { ...env, SSL_CERT_FILE: cluster.caFile };
  const crane = (args: string[], more: Record<string, string> = {}): Promise<string> =>
    exec(toolPath('crane'), args, { env: { ...trusting, ...more }, timeoutSeconds: 300 });
  const asKubelet = { DOCKER_CONFIG: join(root, 'tmp') };

  /** The program of the image in its own root file system, as the user of the image. */
  const agent = (...args: string[]): Promise<string> =>
    exec('chroot', ['--userspec=65532:65532', root, '/bin/node', '/agent.mjs', ...args], {
      env: { NODE_EXTRA_CA_CERTS: '/tmp/ca.pem' },
    });
  const atCluster = [
    `--registry=${cluster.host}`,
    `--identity-endpoint=${cluster.metadata.endpoint}`,
  ];

  await test('builds the image of the agent from Debian’s packages, 60 MB at most', async () => {
    const { compressedBytes } = await buildAgentImage(layout);
    ok(compressedBytes < 60_000_000, String(compressedBytes));
  });
  await test('builds the same image from the same files again', async () => {
    const again = join(folder, 'again');
    await buildAgentImage(again);
    strictEqual(
      await readFile(join(again, 'index.json'), 'utf8'),
      await readFile(join(layout, 'index.json'), 'utf8'),
    );
  });
  await test('pushes it to Lighter with oras, where crane finds it whole', async () => {
    const token = await cluster.tokenOf(owner);
    const login = ['login', '--username', tokenUser, '--password-stdin', cluster.host];
    await exec(toolPath('oras'), login, { env: trusting, input: token });
    const copy = ['cp', '--from-oci-layout', `${layout}:${version}`, agentImage];
    await exec(toolPath('oras'), copy, { env: trusting, timeoutSeconds: 300 });
    await crane(['validate', '--remote', agentImage]);
    await crane(['push', (await images.app()).folder, `${cluster.host}/team/app:1`]);
  });
  await test('runs it, pulled back, as a user who is not root, with nothing else around', async () => {
    const archive = join(folder, 'root.tar');
    await mkdir(root);
    await crane(['export', agentImage, archive]);
    await exec('tar', ['-xf', archive, '-C', root]);
    await cp(cluster.caFile, join(root, 'tmp/ca.pem'));
    await chmod(join(root, 'tmp'), 0o1777);
    match(await agent('help'), /pull credentials of a Lighter registry/);
    await agent('node', '--once', '--config=/tmp/config.json', ...atCluster);
    match(await readFile(config, 'utf8'), new RegExp(`"${cluster.host}"`));
  });
  await test('checks from within it every step to a layer of the image', async () => {
    const args = [...atCluster, '--image=team/app:1', '--config=/tmp/config.json'];
    match(await agent('check', ...args), /ok layer: .*\nresult: ok\n$/);
  });
  await test('crane and skopeo pull with the config.json that it wrote, and cannot push', async () => {
    const image = `${cluster.host}/team/app:1`;
    await crane(['validate', '--remote', image], asKubelet);
    const flags = ['--src-cert-dir', folder, '--authfile', config];
    await cp(cluster.caFile, join(folder, 'ca.crt'));
    await exec('skopeo', ['copy', ...flags, `docker://${image}`, `dir:${join(folder, 'app')}`]);
    const refused = await execMustFail(
      toolPath('crane'),
      ['push', (await images.app()).folder, `${cluster.host}/team/app:2`],
      { env: { ...trusting, ...asKubelet } },
    );
    match(refused, /UNAUTHORIZED|DENIED/);
  });
  await test('containerd pulls with the credential, handed over as a kubelet does', async () => {
    const socket = join(folder, 'containerd.sock');
    const daemon = await startContainerd(folder, socket, { SSL_CERT_FILE: cluster.caFile });
    const { auths }: { auths: Record<string, { auth: string }> } = JSON.parse(
      await readFile(config, 'utf8'),
    );
    const user = Buffer.from(auths[cluster.host]?.auth ?? '', 'base64').toString();
    const pull = ['-a', socket, '-n', 'k8s.io', 'images', 'pull', '--snapshotter', 'overlayfs'];
    try {
      const image = `${cluster.host}/team/app:1`;
      await execMustFail(toolPath('containerd', 'ctr'), [...pull, image], { env: trusting });
      await exec(toolPath('containerd', 'ctr'), [...pull, '--user', user, image], {
        env: trusting,
      });
    } finally {
      await daemon.stop();
    }
  });
  await test('installs itself for a kubelet, and answers it with its own libraries', async () => {
    const plugins = join(folder, 'plugins');
    const launcher = join(plugins, 'lighter-credential-provider');
    const own = ['--library-path', join(root, 'lib/x86_64-linux-gnu'), join(root, 'bin/node')];
    await exec(join(root, loader), [...own, join(root, 'agent.mjs'), 'install', '--to', plugins]);

    const files = `${launcher}.files`;
    const listed = ['--library-path', files, '--list', join(files, 'node')];
    const found = await exec(join(files, 'ld-linux-x86-64.so.2'), listed);
    deepStrictEqual(
      found.match(/=> (\S+)/g)?.filter((each) => !each.startsWith(`=> ${files}/`)),
      [],
      found,
    );

    const request = {
      apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
      kind: 'CredentialProviderRequest',
      image: `${cluster.host}/team/app:1`,
      serviceAccountToken: await cluster.entra.sign(applicationClaims(registryAudience, kubelet)),
    };
    const trust = `NODE_EXTRA_CA_CERTS=${cluster.caFile}`;
    const answer: { auth: Record<string, { username: string; password: string }> } = JSON.parse(
      await exec('env', ['-i', trust, launcher, `--registry=${cluster.host}`], {
        input: JSON.stringify(request),
      }),
    );
    const { username = '', password = '' } = answer.auth[cluster.host] ?? {};
    const docker = join(folder, 'provided');
    await mkdir(docker);
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    await writeFile(
      join(docker, 'config.json'),
      JSON.stringify({ auths: { [cluster.host]: { auth } } }),
    );
    await crane(['manifest', `${cluster.host}/team/app:1`], { DOCKER_CONFIG: docker });
  });
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

const byName = (yaml: string): Map<string, Manifest> =>
  new Map(
    parseAllDocuments(yaml).map((document) => {
      const manifest: Manifest = document.toJS();
      return [`${manifest.kind} ${manifest.metadata.name}`, manifest];
    }),
  );

/** With what Kustomize takes from a ConfigMap written out, and without the names of those. */
function withSettings(yaml: string): Map<string, Manifest> {
  const settings: Record<string, string> = {
    LIGHTER_REGISTRY: 'registry.example.com',
    KUBELET_CLIENT_ID: '00000000-0000-0000-0000-000000000001',
  };
  const written = yaml.replaceAll(/\$\((\w+)\)/g, (_, name: string) => settings[name] ?? name);
  const all = byName(written.replaceAll(/^ {8}env:\n(?: {8}[- ] .*\n)+/gm, ''));
  return new Map([...all].filter(([name]) => !/^(?:ConfigMap|Namespace) /.test(name)));
}

async function manifestTests({ folder, env, registry, test }: Workbench): Promise<void> {
  const helm = (...args: string[]): Promise<string> =>
    exec(toolPath('helm4', 'helm'), args, { env });
  const build = (name: string): Promise<string> =>
    exec(toolPath('kustomize'), ['build', join(manifests, name)], { env });
  const chart = join(manifests, 'chart');
  const clientId = '00000000-0000-0000-0000-000000000001';
  const values = ['--set', 'registry=registry.example.com'];
  const node = [...values, '--set', `node.clientId=${clientId}`];
  const inNamespace = [...values, '--set', 'node.enabled=false,namespace.enabled=true'];
  const variants = {
    node,
    'workload identity': [...inNamespace, '--set', `namespace.clientId=${clientId}`],
    'service account': [...inNamespace, '--set', 'namespace.identity=service-account'],
    'credential provider': [
      ...values,
      '--set',
      'node.enabled=false,credentialProvider.enabled=true',
    ],
  };
  const template = (namespace: string, args: string[], source = chart): Promise<string> =>
    helm('template', 'lighter', source, '--namespace', namespace, ...args);

  await installSchemas();
  for (const name of [
    'examples/node-credential',
    'examples/workload-identity',
    'examples/service-account',
    'credential-provider',
    'check',
    'registry',
  ]) {
    await test(`builds ${name} with Kustomize, valid by the schemas of Kubernetes`, async () => {
      const file = join(folder, `${name.replace('/', '-')}.yaml`);
      await writeFile(file, await build(name));
      strictEqual(await validate(file), byName(await readFile(file, 'utf8')).size);
    });
  }
  await test('the schemas refuse a field that Kubernetes does not know', async () => {
    const file = join(folder, 'wrong.yaml');
    const wrong = (await build('check')).replace('hostNetwork:', 'hostNetworks:');
    await writeFile(file, wrong);
    await validate(file).then(
      () => Promise.reject(new Error('accepted')),
      (error: unknown) => match(String(error), /hostNetworks/),
    );
  });
  await test('helm lints the chart, and refuses it without a registry', async () => {
    await helm('lint', '--strict', chart, ...values);
    await execMustFail(toolPath('helm4', 'helm'), ['template', 'lighter', chart], { env });
  });
  for (const [name, args] of Object.entries(variants)) {
    await test(`helm renders the chart for ${name}, valid by the schemas`, async () => {
      const file = join(folder, 'chart.yaml');
      await writeFile(file, await template('lighter-system', args));
      const count = byName(await readFile(file, 'utf8')).size;
      strictEqual(await validate(file), count);
      ok(count > 0);
    });
  }
  await test('the chart and Kustomize make the same', async () => {
    const pairs: [string, string, string[]][] = [
      ['examples/node-credential', 'lighter-system', variants.node],
      ['examples/workload-identity', 'team', variants['workload identity']],
      ['examples/service-account', 'team', variants['service account']],
    ];
    for (const [name, namespace, args] of pairs) {
      deepStrictEqual(byName(await template(namespace, args)), withSettings(await build(name)));
    }
  });
  await test('helm pushes the chart to Lighter, and renders it from there', async () => {
    const { host, user, password } = registry;
    await helm('registry', 'login', '--plain-http', '-u', user, '-p', password, host);
    await helm('package', chart, '--destination', folder);
    const archive = join(folder, `lighter-pull-${version}.tgz`);
    await helm('push', '--plain-http', archive, `oci://${host}/lighter/charts`);
    const pushed = `oci://${host}/lighter/charts/lighter-pull`;
    const remote = [...node, '--version', version, '--plain-http'];
    strictEqual(
      await template('lighter-system', remote, pushed),
      await template('lighter-system', node),
    );
  });
}

export const kubernetes: Client = {
  name: 'kubernetes',
  tools: ['crane', 'oras', 'containerd', 'helm4', 'kustomize'],
  run: async (bench) => {
    await manifestTests(bench);
    const cluster = await startAzureCluster();
    try {
      await imageTests({ ...bench, cluster });
    } finally {
      await cluster.stop();
    }
  },
};
