import { keep, type Session } from '../keep.ts';
import { inCluster } from '../kubernetes-api.ts';
import {
  type Environment,
  identityFrom,
  type OptionName,
  parseOptions,
  registryFrom,
  required,
  serviceAccountFolder,
} from '../options.ts';
import { useInServiceAccount, writePullSecret } from '../pull-secret.ts';
import { exchange } from '../registry.ts';

const allowed: readonly OptionName[] = [
  'registry',
  'identity',
  'client-id',
  'tenant-id',
  'token-file',
  'identity-endpoint',
  'secret',
  'namespace',
  'service-account',
  'service-account-folder',
  'renew-after',
  'health',
  'once',
];

/**
 * Keeps a Secret for `imagePullSecrets` fresh, in the pod's own namespace unless told otherwise,
 * and names it in the service accounts that are listed.
 */
export async function runSecret(
  args: readonly string[],
  environment: Environment,
  session: Session,
): Promise<void> {
  const options = parseOptions(args, allowed);
  const registry = registryFrom(options);
  const name = required(options, 'secret');
  const identity = identityFrom(options, environment, options.identity ?? 'workload-identity');
  const api = await inCluster({
    host: environment['KUBERNETES_SERVICE_HOST'],
    port: environment['KUBERNETES_SERVICE_PORT'],
    folder: options['service-account-folder'] ?? serviceAccountFolder,
  });
  const secret = { namespace: options.namespace ?? api.namespace, name };

  await keep(options, session, async () => {
    const credential = await exchange(registry, await identity());
    await writePullSecret(api, secret, registry.host, credential);
    for (const serviceAccount of options['service-account'] ?? []) {
      await useInServiceAccount(api, secret, serviceAccount);
    }
    const minutes = Math.round(credential.lifetimeSeconds / 60);
    session.log(
      `the Secret ${secret.namespace}/${name} has a credential for ${registry.host}, good for ${minutes} minutes`,
    );
    return credential.lifetimeSeconds;
  });
}
