import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { describe, expect, test } from 'vitest';
import { runAgent } from './agent.ts';

const root = fileURLToPath(new URL('../../infra/kubernetes/', import.meta.url));
const files = globSync('**/*.yaml', { cwd: root }).filter(
  (file) => !/^(?:chart|agent)\//.test(file),
);

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly securityContext?: {
    readonly runAsUser?: number;
    readonly allowPrivilegeEscalation?: boolean;
    readonly readOnlyRootFilesystem?: boolean;
    readonly privileged?: boolean;
    readonly capabilities?: { readonly drop?: readonly string[] };
  };
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly hostPID?: boolean;
  readonly hostNetwork?: boolean;
  readonly securityContext?: { readonly runAsNonRoot?: boolean; readonly runAsUser?: number };
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly { readonly hostPath?: { readonly path: string } }[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: Record<string, unknown> & { readonly template?: { readonly spec: PodSpec } };
  readonly rules?: readonly {
    readonly resources: readonly string[];
    readonly resourceNames?: readonly string[];
    readonly verbs: readonly string[];
  }[];
}

const documents = files.flatMap((file) =>
  parseAllDocuments(readFileSync(join(root, file), 'utf8')).map((document) => {
    expect(document.errors, file).toEqual([]);
    const manifest: Manifest = document.toJS();
    return { file, manifest };
  }),
);
const named = (folder: string, kind: string): Manifest => {
  const found = documents.find(
    ({ file, manifest }) => file.startsWith(`${folder}/`) && manifest.kind === kind,
  );
  if (found === undefined) throw new Error(`no ${kind} in ${folder}`);
  return found.manifest;
};

const pods = documents.flatMap(({ file, manifest }) => {
  const pod = manifest.spec?.template?.spec;
  return pod === undefined ? [] : [{ file, pod }];
});
/** Every container of the agent, with whether it runs as root. */
const agents = pods.flatMap(({ file, pod }) =>
  [...(pod.initContainers ?? []), ...pod.containers]
    .filter(({ image }) => image === 'lighter/agent')
    .map((container) => ({
      file,
      container,
      user: container.securityContext?.runAsUser ?? pod.securityContext?.runAsUser,
    })),
);

test('every kustomization names files and folders that exist', () => {
  const kustomizations = files.filter((file) => file.endsWith('kustomization.yaml'));
  const missing = kustomizations.flatMap((file) => {
    const { resources }: { resources: string[] } = parse(readFileSync(join(root, file), 'utf8'));
    return resources.filter((each) => !existsSync(join(root, dirname(file), each)));
  });
  expect(missing).toEqual([]);
  expect(kustomizations.length).toBeGreaterThan(8);
});

describe('the pods of the agent', () => {
  test('run as root only where a file of the node is read or written', () => {
    const asRoot = agents
      .filter(({ user }) => user === 0)
      .map(({ container }) => container.args?.[0]);
    expect(new Set(asRoot)).toEqual(new Set(['node', 'install', 'check']));
    const others = agents.filter(({ user }) => user !== 0);
    expect(others.map(({ user }) => user)).toEqual(others.map(() => 65532));
    expect(agents.length).toBe(5);
  });

  test('have no capability and cannot gain one, nor write where nothing is mounted', () => {
    for (const { file, container } of agents) {
      expect(container.securityContext, `${file} ${container.name}`).toMatchObject({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(container.securityContext?.privileged).toBeUndefined();
    }
  });

  test("see nothing of the node but the kubelet's folder", () => {
    const paths = pods.flatMap(({ pod }) =>
      (pod.volumes ?? []).flatMap(({ hostPath }) => hostPath?.path ?? []),
    );
    expect(new Set(paths)).toEqual(
      new Set(['/var/lib/kubelet', '/var/lib/kubelet/credential-provider']),
    );
    expect(pods.filter(({ pod }) => pod.hostPID === true)).toEqual([]);
  });

  test('may read and change the Secrets they keep, by name, and none besides', () => {
    const rules = documents.flatMap(({ manifest }) => manifest.rules ?? []);
    const unnamed = rules.filter(({ resourceNames }) => resourceNames === undefined);
    expect(unnamed.map(({ verbs }) => verbs)).toEqual(unnamed.map(() => ['create']));
    expect(rules.flatMap(({ verbs }) => verbs)).not.toContain('list');
    expect(rules.length).toBe(5);
  });

  test.each(
    agents
      .map(({ file, container }) => ({ file, args: container.args ?? [] }))
      .filter(({ args }) => args[0] !== 'wait'),
  )('$file: the agent knows every option of $args', async ({ args }) => {
    const { log } = await runAgent([...args, '--no-such-option']);
    expect(log).toContain("Unknown option '--no-such-option'");
  });
});

test('the chart is of the version of the project, and its agent too', () => {
  const read = (path: string): Record<string, unknown> =>
    parse(readFileSync(new URL(path, import.meta.url), 'utf8'));
  const { version } = read('../../package.json');
  expect(read('../../infra/kubernetes/chart/Chart.yaml')).toMatchObject({
    version,
    appVersion: version,
  });
});

test('the registry in a cluster is as the add-on of MicroK8s: 20Gi, port 32000, one replica', () => {
  expect(named('registry', 'PersistentVolumeClaim').spec).toMatchObject({
    resources: { requests: { storage: '20Gi' } },
  });
  expect(named('registry', 'Service').spec).toMatchObject({
    type: 'NodePort',
    ports: [{ port: 5080, nodePort: 32000 }],
  });
  expect(named('registry', 'Deployment').spec).toMatchObject({
    replicas: 1,
    strategy: { type: 'Recreate' },
    template: { spec: { securityContext: { runAsNonRoot: true } } },
  });
});

test('the kubelet is told the version and the audience that the provider is written for', () => {
  const config: { providers: Record<string, unknown>[] } = parse(
    readFileSync(join(root, 'credential-provider/kubelet.yaml'), 'utf8'),
  );
  expect(config).toMatchObject({
    apiVersion: 'kubelet.config.k8s.io/v1',
    providers: [
      {
        name: 'lighter-credential-provider',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        tokenAttributes: { cacheType: 'ServiceAccount', requireServiceAccount: true },
      },
    ],
  });
});
