import { changeConfigFile, readConfigFile } from '../config-file.ts';
import { loginIn, withLogin } from '../docker-config.ts';
import { keep, type Session } from '../keep.ts';
import { inCluster } from '../kubernetes-api.ts';
import {
  type Environment,
  identityFrom,
  type OptionName,
  parseOptions,
  registryFrom,
  serviceAccountFolder,
} from '../options.ts';
import { describe } from '../problem.ts';
import { pullSecretLifetime, writePullSecret } from '../pull-secret.ts';
import { type Credential, exchange, type Registry, stillWorks } from '../registry.ts';
import { untilAborted } from '../wait.ts';

const allowed: readonly OptionName[] = [
  'registry',
  'identity',
  'client-id',
  'tenant-id',
  'token-file',
  'identity-endpoint',
  'config',
  'secret',
  'service-account-folder',
  'renew-after',
  'health',
  'once',
  'remove',
];

/** The kubelet looks in its root folder first (Kubernetes documentation, "Images"). */
const kubeletConfig = '/var/lib/kubelet/config.json';

/**
 * Keeps a credential for the registry in the kubelet's own config.json, for all pods of the node.
 * While none can be had the old one stays as long as the registry takes it. With `--secret` it is
 * in that Secret of the pod's namespace, too, from which nodes that are new pull this very image.
 */
export async function runNode(
  args: readonly string[],
  environment: Environment,
  session: Session,
): Promise<void> {
  const options = parseOptions(args, allowed);
  const registry = registryFrom(options);
  const path = options.config ?? kubeletConfig;
  if (options.remove === true) return await remove(path, registry, session);
  const identity = identityFrom(options, environment, options.identity ?? 'managed-identity');
  const shareCredential = options.secret === undefined ? undefined : await sharing(options.secret);

  async function sharing(name: string) {
    const api = await inCluster({
      host: environment['KUBERNETES_SERVICE_HOST'],
      port: environment['KUBERNETES_SERVICE_PORT'],
      folder: options['service-account-folder'] ?? serviceAccountFolder,
    });
    const secret = { namespace: api.namespace, name };
    return async (credential: Credential) => {
      // Every node does this: only when it is half over is it worth a write.
      const leftSeconds = await pullSecretLifetime(api, secret, registry.host);
      if (leftSeconds > credential.lifetimeSeconds / 2) return;
      await writePullSecret(api, secret, registry.host, credential);
    };
  }

  await keep(
    options,
    session,
    async () => {
      const credential = await exchange(registry, await identity());
      await changeConfigFile(path, (text) => withLogin(text, registry.host, credential));
      session.log(
        `${path} has a credential for ${registry.host}, good for ${lifetime(credential)}`,
      );
      await shareCredential?.(credential).catch((error: unknown) => session.log(describe(error)));
      return credential.lifetimeSeconds;
    },
    () => dropWhatHasEnded(path, registry, session),
  );
}

/** An entry that is refused would keep the kubelet from pulling what anybody may pull. */
async function dropWhatHasEnded(path: string, registry: Registry, { log }: Session) {
  try {
    const login = loginIn(await readConfigFile(path), registry.host);
    if (login === undefined || (await stillWorks(registry, login)) !== false) return;
    await changeConfigFile(path, (text) => withLogin(text, registry.host, undefined));
    log(
      `the credential in ${path} has ended and is taken out: pulls that need one fail from now on`,
    );
  } catch (error) {
    log(describe(error));
  }
}

/** Takes the entry out, then waits: what Kubernetes runs on every node must not end by itself. */
async function remove(path: string, { host }: Registry, { log, signal }: Session) {
  await changeConfigFile(path, (text) => (text === '' ? '' : withLogin(text, host, undefined)));
  log(`${path} has no credential for ${host} any more`);
  await untilAborted(signal);
}

const lifetime = ({ lifetimeSeconds }: Credential) => `${Math.round(lifetimeSeconds / 60)} minutes`;
