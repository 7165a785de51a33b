import { text } from 'node:stream/consumers';
import type { Session } from '../keep.ts';
import {
  type Environment,
  identityFrom,
  type OptionName,
  parseOptions,
  registryFrom,
} from '../options.ts';
import { jsonFields, textField } from '../http.ts';
import { Problem } from '../problem.ts';
import { exchange } from '../registry.ts';

const allowed: readonly OptionName[] = [
  'registry',
  'identity',
  'client-id',
  'tenant-id',
  'identity-endpoint',
];
const versions = /^credentialprovider\.kubelet\.k8s\.io\/v1(?:beta1|alpha1)?$/;
/** The annotation by which a service account names its Entra identity. */
export const clientIdAnnotation = 'azure.workload.identity/client-id';
const maxCacheSeconds = 3600;

interface ProviderRequest {
  readonly apiVersion: string;
  readonly image: string;
  readonly serviceAccountToken: string | undefined;
  readonly clientId: string | undefined;
}

/**
 * A kubelet image credential provider: one request on stdin, one answer on stdout (Kubernetes
 * reference, "Kubelet CredentialProvider (v1)"). For an image of another registry the answer has no
 * credential. Throws a Problem, which the kubelet logs.
 */
export async function runCredentialProvider(
  args: readonly string[],
  environment: Environment,
  _session: Session,
): Promise<void> {
  const options = parseOptions(args, allowed);
  const registry = registryFrom(options);
  const request = parseRequest(await text(process.stdin));
  const [host] = request.image.split('/');
  if (host !== registry.host) return answer(request, 0, {});

  const withClientId =
    request.clientId === undefined ? options : { ...options, 'client-id': request.clientId };
  const identity = identityFrom(
    withClientId,
    environment,
    options.identity ?? 'service-account',
    serviceAccount(request),
  );
  const { username, password, lifetimeSeconds } = await exchange(registry, await identity());
  const cacheSeconds = Math.min(maxCacheSeconds, Math.floor(lifetimeSeconds / 2));
  answer(request, cacheSeconds, { [registry.host]: { username, password } });
}

function parseRequest(json: string): ProviderRequest {
  const fields = jsonFields(json);
  const apiVersion = textField(fields, 'apiVersion') ?? '';
  const image = textField(fields, 'image');
  if (!versions.test(apiVersion) || fields['kind'] !== 'CredentialProviderRequest') {
    throw new Problem(
      'stdin has no CredentialProviderRequest of credentialprovider.kubelet.k8s.io',
    );
  }
  if (image === undefined) throw new Problem('the CredentialProviderRequest names no image');
  const annotations = { ...Object(fields['serviceAccountAnnotations']) };
  return {
    apiVersion,
    image,
    serviceAccountToken: textField(fields, 'serviceAccountToken'),
    clientId: textField(annotations, clientIdAnnotation),
  };
}

const serviceAccount =
  ({ serviceAccountToken }: ProviderRequest) =>
  () =>
    serviceAccountToken === undefined
      ? Promise.reject(
          new Problem(
            'the kubelet sent no service account token: its configuration needs tokenAttributes',
          ),
        )
      : Promise.resolve(serviceAccountToken);

function answer({ apiVersion }: ProviderRequest, cacheSeconds: number, auth: object): void {
  const response = {
    apiVersion,
    kind: 'CredentialProviderResponse',
    cacheKeyType: 'Registry',
    cacheDuration: `${cacheSeconds}s`,
    auth,
  };
  process.stdout.write(`${JSON.stringify(response)}\n`);
}
