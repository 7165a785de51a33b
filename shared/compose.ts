import { connectArm } from './adapters/arm.ts';
import { connectDiagnostics } from './adapters/diagnostics.ts';
import { connectEntra } from './adapters/entra.ts';
import { connectIssuerKeys } from './adapters/issuer-keys.ts';
import { connectStorage } from './adapters/storage.ts';
import { composeAuthority } from './auth/authority.ts';
import { AzureRoles } from './auth/role-permissions.ts';
import type { Config } from './config.ts';
import type { App } from './http/app.ts';
import { PolicyStore } from './policy/policy-store.ts';
import { systemClock } from './ports/clock.ts';
import { createCaches } from './registry/caches.ts';
import { seconds } from './registry/settings.ts';

/** Puts the application together: config → adapters → use cases. Asks storage nothing. */
export function compose(config: Config): App {
  const { tables, blobs, staging, backups } = connectStorage(config.storage);
  const policy = new PolicyStore(tables, systemClock);
  const entra = config.entra && connectEntra(config.entra, systemClock);
  const arm = config.roleAssignments;
  const roles = arm && new AzureRoles(connectArm(arm, systemClock), arm.resourceId, systemClock);
  return {
    config,
    diagnostics: connectDiagnostics(config),
    authority: composeAuthority(config, tables, systemClock, {
      entra,
      roles,
      policy,
      issuerKeys: connectIssuerKeys(systemClock),
    }),
    registry: {
      tables,
      blobs,
      staging,
      backups,
      clock: systemClock,
      policy,
      caches: createCaches(),
      seconds,
      allowMissingBlobs: config.allowMissingBlobs,
    },
  };
}
