import { parseArgs } from 'node:util';
import { type Identity, managedIdentity, tokenFile, workloadIdentity } from './identity.ts';
import { describe, Problem } from './problem.ts';
import { parseRegistry, type Registry } from './registry.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const text = { type: 'string' } as const;
const texts = { type: 'string', multiple: true } as const;
const flag = { type: 'boolean' } as const;

/** Of all subcommands; help.ts says what each is for. */
const known = {
  registry: text,
  identity: text,
  'client-id': text,
  'tenant-id': text,
  'token-file': text,
  'identity-endpoint': text,
  config: text,
  secret: text,
  namespace: text,
  'service-account': texts,
  'service-account-folder': text,
  'renew-after': text,
  health: text,
  once: flag,
  remove: flag,
  image: text,
  stay: flag,
  to: text,
  'on-node': text,
  name: text,
} as const;

export type OptionName = keyof typeof known;
export type Options = ReturnType<typeof parseOptions>;

/** Throws a Problem for what is not known or not of this subcommand. */
export function parseOptions(args: readonly string[], allowed: readonly OptionName[]) {
  try {
    const options = Object.fromEntries(allowed.map((name) => [name, known[name]]));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a part of what is known
    const { values } = parseArgs({ args: [...args], options: options as typeof known });
    return Object.fromEntries(
      // Manifests have an option without a value where there is none.
      Object.entries(values).filter(([, value]) => value !== ''),
    ) as typeof values;
  } catch (error) {
    throw new Problem(describe(error), { cause: error });
  }
}

export function required(options: Options, name: 'secret' | 'image' | 'config' | 'to'): string {
  const value = options[name];
  if (value === undefined) throw new Problem(`--${name} is missing`);
  return value;
}

export function registryFrom(options: Options): Registry {
  if (options.registry === undefined) throw new Problem('--registry is missing');
  return parseRegistry(options.registry);
}

/** Where the kubelet's identity is asked for on Azure. */
export const azureMetadata = 'http://169.254.169.254';
export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * `--identity` of the three kinds. `assertion` is the service account's token, where it does not
 * come from a file.
 */
export function identityFrom(
  options: Options,
  environment: Environment,
  kind: string,
  assertion = projectedToken(options, environment),
): Identity {
  const clientId = options['client-id'] ?? environment['AZURE_CLIENT_ID'];
  switch (kind) {
    case 'managed-identity':
      return managedIdentity({
        endpoint: options['identity-endpoint'] ?? azureMetadata,
        clientId: options['client-id'],
      });
    case 'workload-identity': {
      const tenantId = options['tenant-id'] ?? environment['AZURE_TENANT_ID'];
      if (clientId === undefined || tenantId === undefined) {
        throw new Problem(
          'workload identity needs AZURE_CLIENT_ID and AZURE_TENANT_ID: does the pod have the label azure.workload.identity/use and its service account the client id?',
        );
      }
      const authority = environment['AZURE_AUTHORITY_HOST'] ?? 'https://login.microsoftonline.com/';
      return workloadIdentity({ authority, tenantId, clientId }, assertion);
    }
    case 'service-account':
      return assertion;
    default:
      throw new Problem(
        `--identity ${kind} is none of managed-identity, workload-identity, service-account`,
      );
  }
}

function projectedToken(options: Options, environment: Environment): Identity {
  const path = options['token-file'] ?? environment['AZURE_FEDERATED_TOKEN_FILE'];
  if (path !== undefined) return tokenFile(path);
  return () => Promise.reject(new Problem('--token-file is missing'));
}

/** Throws a Problem unless it is a number of seconds. */
export function renewAfterSeconds(options: Options): number {
  const seconds = Number(options['renew-after'] ?? 3600);
  if (!(seconds > 0)) throw new Problem('--renew-after is a number of seconds');
  return seconds;
}
