import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EntraRegistry, startEntraRegistry, stranger } from '../acr/entra-registry.ts';
import { applicationClaims, registryAudience } from '../auth/entra/test-entra.ts';
import { resourceId } from '../auth/roles/judging.ts';
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

export interface AzureCluster extends EntraRegistry {
  /** `127.0.0.1:<port>`, behind TLS. */
  readonly host: string;
  readonly metadata: TestMetadataService;
  /** PEM of the registry's certificate. */
  readonly caFile: string;
  stop(): Promise<void>;
}

/**
 * A registry as it stands in Azure, and beside it the metadata service of a node whose kubelet may
 * pull.
 */
export async function startAzureCluster(): Promise<AzureCluster> {
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
  return {
    ...registry,
    host: new URL(front.url).host,
    metadata,
    caFile,
    async stop() {
      await Promise.all([registry.stop(), metadata.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
