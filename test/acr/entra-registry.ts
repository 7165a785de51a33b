import {
  registryAudience,
  startTestEntra,
  type TestEntra,
  userClaims,
} from '../auth/entra/test-entra.ts';
import { startTestArm, type TestArm } from '../auth/roles/arm-stand-in.ts';
import { builtInRoles } from '../auth/roles/azure-roles.ts';
import { resourceId } from '../auth/roles/judging.ts';
import { startTestAzurite } from '../harness/azurite.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { startTestManagedIdentity } from '../harness/managed-identity.ts';
import { type HttpsFront, startHttpsFront } from './https-front.ts';

export interface EntraRegistry {
  /** HTTPS, as Azure's front end. */
  readonly front: HttpsFront;
  readonly lighter: TestLighter;
  readonly entra: TestEntra;
  readonly arm: TestArm;
  /** An Entra token of a user for the registry. */
  tokenOf(objectId: string): Promise<string>;
  stop(): Promise<void>;
}

/** May do everything. */
export const owner = '0c5f5a0d-6a3e-4c1b-8c60-33f1c9a7d001';
/** Has no role. */
export const stranger = '11111111-2222-3333-4444-555555555555';

/**
 * A registry as it stands in Azure: behind TLS, its users in Entra, their roles in Azure Resource
 * Manager.
 */
export async function startEntraRegistry(): Promise<EntraRegistry> {
  const identity = await startTestManagedIdentity();
  const [azurite, entra, arm, front] = await Promise.all([
    startTestAzurite(),
    startTestEntra(),
    startTestArm(resourceId, builtInRoles),
    startHttpsFront(),
  ]);
  arm.assignments.set(owner, [{ scope: resourceId, role: 'Owner' }]);
  arm.assignments.set(stranger, []);

  // Read when a process starts, so it cannot be among the registry's settings alone.
  process.env['NODE_EXTRA_CA_CERTS'] = entra.certFile;
  const lighter = await startTestLighter({
    azurite,
    settings: {
      ...entra.settings,
      LIGHTER_RESOURCE_ID: resourceId,
      LIGHTER_ARM_ENDPOINT: arm.endpoint,
      LIGHTER_PUBLIC_URL: front.url,
    },
  }).finally(() => delete process.env['NODE_EXTRA_CA_CERTS']);
  front.forwardTo(lighter.url);

  return {
    front,
    lighter,
    entra,
    arm,
    tokenOf: (oid) => entra.sign(userClaims({ oid, aud: registryAudience })),
    async stop() {
      await lighter.stop();
      await Promise.all([azurite.stop(), entra.stop(), arm.stop(), identity.stop(), front.stop()]);
    },
  };
}
