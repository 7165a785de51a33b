import type { Config } from '../../config.ts';
import type { HealthReport } from './contract/health.ts';

/** The configuration as it may be shown: without the account key and the password of `admin`. */
export function settingsInForce(config: Config): HealthReport['settings'] {
  const { storage, entra, roleAssignments } = config;
  const { credential } = storage;
  return {
    publicUrl: config.publicUrl ?? null,
    local: config.local,
    storage: {
      blobUrl: storage.blobUrl,
      tableUrl: storage.tableUrl,
      stagingBlobUrl: storage.stagingBlobUrl ?? storage.blobUrl,
      credential: credential.kind,
      clientId: credential.kind === 'identity' ? (credential.clientId ?? null) : null,
    },
    adminAccount: config.adminPassword !== undefined,
    anonymousPull: [...config.anonymousPull],
    allowMissingBlobs: [...config.allowMissingBlobs],
    maxBodyBytes: config.maxBodyBytes ?? null,
    entra:
      entra === undefined
        ? null
        : {
            tenantId: entra.tenantId,
            authority: entra.authority,
            appId: entra.appId ?? null,
            acceptArmTokens: entra.acceptArmTokens,
          },
    roleAssignments:
      roleAssignments === undefined
        ? null
        : {
            resourceId: roleAssignments.resourceId,
            armEndpoint: roleAssignments.armEndpoint,
            clientId: roleAssignments.clientId ?? null,
          },
  };
}
