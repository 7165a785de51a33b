import type { Command } from 'commander';
import { attach } from '../aks/attach.ts';
import { check, type NodeReport } from '../aks/check.ts';
import type { ClusterName } from '../aks/cluster.ts';
import { detach } from '../aks/detach.ts';
import { pushLayout } from '../aks/push-layout.ts';
import { childRunner } from '../aks/runner.ts';
import type { RegistryClient } from '../client/registry-client.ts';
import { CliError, exitCodes } from '../cli-error.ts';
import type { Context } from '../context.ts';
import { kubernetesFolder } from '../installation.ts';
import { printable, table } from '../terminal/table.ts';
import type { AddCommand } from './command.ts';
import { parseImage, parseLimit } from './options.ts';

interface Options {
  readonly resourceGroup?: string;
  readonly subscription?: string;
  readonly agentImage: string;
  readonly manifests: string;
  readonly kubeconfig?: string;
  readonly timeout: number;
}
interface RoleOptions extends Options {
  readonly registryResourceId: string;
  readonly roleAssignment: boolean;
}
interface AttachOptions extends RoleOptions {
  readonly pushAgent?: string;
  readonly bootstrapUsername?: string;
  readonly bootstrapPasswordStdin?: boolean;
}

/** `lighter aks …` */
export const addAks: AddCommand = (program, contextOf) => {
  const group = program.command('aks').description('clusters that pull by their own identity');

  withRole(withCluster(group.command('attach')))
    .description('let every node of a cluster pull by its kubelet’s identity')
    .option('--push-agent <folder>', 'push the agent’s image from this OCI layout first')
    .option('--bootstrap-username <name>', 'user by whom nodes pull the agent the first time')
    .option(
      '--bootstrap-password-stdin',
      'its password is on standard input; else in LIGHTER_BOOTSTRAP_PASSWORD, or asked for',
    )
    .action(async (cluster: string, options: AttachOptions, command: Command) => {
      const context = contextOf(command);
      const { terminal, client, environment } = context;
      const registry = client();
      const bootstrap = await bootstrapOf(context, options);
      await attach(childRunner(environment), {
        ...common(cluster, options, registry),
        ...role(options),
        ...(bootstrap !== undefined && { bootstrap }),
        ...(options.pushAgent === undefined
          ? {}
          : { pushAgent: pushAgent(registry, options.pushAgent, options.agentImage) }),
        onStep: (done) => terminal.note(done),
      });
      terminal.show({ cluster, registry: registry.origin }, () => '');
    });

  withRole(withCluster(group.command('detach')))
    .description('undo attach')
    .action(async (cluster: string, options: RoleOptions, command: Command) => {
      const { terminal, client, environment } = contextOf(command);
      const registry = client();
      await detach(childRunner(environment), {
        ...common(cluster, options, registry),
        ...role(options),
        onStep: (done) => terminal.note(done),
      });
      terminal.show({ cluster, registry: registry.origin }, () => '');
    });

  withCluster(group.command('check'))
    .description('try a pull from every node, and say where it ends')
    .option('--image <image>', 'repository:tag to pull instead of the agent’s')
    .action(async (cluster: string, options: Options & { image?: string }, command: Command) => {
      const { terminal, client, environment } = contextOf(command);
      const work = check(childRunner(environment), {
        ...common(cluster, options, client()),
        ...(options.image !== undefined && { image: options.image }),
      });
      show(terminal, await terminal.during('checking', work));
    });
};

/** Never from the command line, which every user of the machine can read. */
async function bootstrapOf(
  { terminal, environment }: Context,
  { bootstrapUsername: username, bootstrapPasswordStdin }: AttachOptions,
) {
  if (username === undefined) {
    if (!bootstrapPasswordStdin) return undefined;
    throw new CliError('--bootstrap-username is missing: whose password is it?', exitCodes.usage);
  }
  const password = bootstrapPasswordStdin
    ? (await terminal.readStdin()).replace(/\r?\n$/, '')
    : environment['LIGHTER_BOOTSTRAP_PASSWORD'] ||
      (await terminal.askSecret(`password of ${username}: `));
  if (password === '') throw new CliError('the password is empty', exitCodes.usage);
  return { username, password };
}

function withCluster(command: Command): Command {
  return command
    .argument('<cluster>', 'its name, or its resource id for one of another subscription')
    .option('-g, --resource-group <name>', 'of a cluster given by name')
    .option('--subscription <id>', 'of a cluster given by name')
    .option('--agent-image <image>', 'where the agent’s image is', 'lighter/agent:0.1.0')
    .option('--manifests <folder>', 'infra/kubernetes', kubernetesFolder)
    .option('--kubeconfig <file>', 'use this instead of asking az for one')
    .option('--timeout <seconds>', 'how long nodes may take', parseLimit, 300);
}

function withRole(command: Command): Command {
  return command
    .requiredOption('--registry-resource-id <id>', 'output registryResourceId of the deployment')
    .option('--no-role-assignment', 'leave AcrPull alone');
}

function common(cluster: string, options: Options, registry: RegistryClient) {
  const { resourceGroup, subscription, kubeconfig } = options;
  const name: ClusterName = {
    cluster,
    ...(resourceGroup !== undefined && { resourceGroup }),
    ...(subscription !== undefined && { subscription }),
  };
  return {
    ...name,
    registry: new URL(registry.origin).host,
    agentImage: options.agentImage,
    manifests: options.manifests,
    ...(kubeconfig !== undefined && { kubeconfig }),
    timeoutSeconds: options.timeout,
  };
}

function role({ registryResourceId, roleAssignment }: RoleOptions) {
  return { registryResourceId, skipRoleAssignment: !roleAssignment };
}

function pushAgent(registry: RegistryClient, folder: string, agentImage: string) {
  const { repository, reference } = parseImage(agentImage);
  return async () => {
    const token = await registry.token(`repository:${repository}:pull,push`);
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    await pushLayout(
      (path, init) =>
        fetch(new URL(path, registry.origin), {
          ...init,
          headers: { ...Object.fromEntries(new Headers(init.headers)), ...headers },
        }),
      folder,
      repository,
      reference,
    );
  };
}

function show(terminal: Context['terminal'], reports: readonly NodeReport[]): void {
  terminal.show(reports, () =>
    table(
      ['NODE', 'STATE', 'FOUND'],
      reports.flatMap(({ node, ok, lines }) =>
        lines.map((line, at) => [
          at === 0 ? printable(node) : '',
          at > 0 ? '' : ok ? terminal.good('ok') : terminal.bad('failed'),
          printable(line),
        ]),
      ),
    ),
  );
  const failed = reports.filter(({ ok }) => !ok).map(({ node }) => node);
  if (failed.length > 0) throw new CliError(`cannot pull: ${failed.join(', ')}`);
}
