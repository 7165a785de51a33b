import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EntraRegistry, owner, startEntraRegistry, stranger } from '../acr/entra-registry.ts';
import { applicationClaims, registryAudience } from '../auth/entra/test-entra.ts';
import { resourceId } from '../auth/roles/judging.ts';
import { basic, Client } from '../http/client.ts';
import { startTestMetadataService, type TestMetadataService } from './metadata-service.ts';

/** A node's managed identity, which has AcrPull on the registry's resource. */
export const kubelet = {
  clientId: 'b7d1e2f3-0000-4000-8000-00000000aaaa',
  objectId: 'd3a1e2f3-0000-4000-8000-00000000bbbb',
};

/** Another of its identities, which has no role. */
export const roleless = {
  clientId: 'b7d1e2f3-0000-4000-8000-00000000cccc',
  objectId: stranger,
};

export interface ClusterRegistry extends EntraRegistry {
  /** `127.0.0.1:<port>`, behind TLS. */
  readonly host: string;
  readonly metadata: TestMetadataService;
  /** What a program needs to trust the registry's certificate. */
  readonly env: Readonly<Record<string, string>>;
  /** As someone who may do everything. */
  readonly owner: Client;
  /** With the user name and password of a pull credential. */
  readonly as: (username: string, password: string) => Client;
}

/**
 * A registry as it stands in Azure, with the image `team/app:1`, and beside it the metadata service
 * of a node whose kubelet may pull.
 */
export async function startClusterRegistry(): Promise<ClusterRegistry> {
  const registry = await startEntraRegistry();
  const { front, arm, entra } = registry;
  arm.assignments.set(kubelet.objectId, [{ scope: resourceId, role: 'AcrPull' }]);
  const metadata = await startTestMetadataService((clientId) =>
    entra.sign(
      applicationClaims(registryAudience, clientId === roleless.clientId ? roleless : kubelet),
    ),
  );
  const folder = await mkdtemp(join(tmpdir(), 'lighter-cluster-'));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, front.certificate);
  const as = (username: string, password: string) =>
    new Client(registry.lighter.url, basic(username, password));
  const asOwner = as(nullUser, await registry.tokenOf(owner));
  await asOwner.pushImage('team/app', '1');
  return {
    ...registry,
    host: new URL(front.url).host,
    metadata,
    env: { NODE_EXTRA_CA_CERTS: caFile },
    owner: asOwner,
    as,
    async stop() {
      await Promise.all([registry.stop(), metadata.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const nullUser = '00000000-0000-0000-0000-000000000000';
