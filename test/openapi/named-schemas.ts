import { type GenericSchema, looseObject, string } from 'valibot';
import {
  backupList,
  backupState,
  rebuildReport,
  restoreReport,
} from '../../shared/http/management/contract/backups.ts';
import { sweepReport } from '../../shared/http/management/contract/gc.ts';
import { healthReport } from '../../shared/http/management/contract/health.ts';
import { permissionAnswer } from '../../shared/http/management/contract/permissions.ts';
import {
  federationList,
  policyValidation,
  problem,
  scopeMapList,
} from '../../shared/http/management/contract/policy.ts';
import { retentionReport } from '../../shared/http/management/contract/retention.ts';
import { auditReport } from '../../shared/http/management/contract/storage-audit.ts';
import {
  tokenJson,
  tokenList,
  tokenPasswordMade,
} from '../../shared/http/management/contract/tokens.ts';
import { usageCount, usageList, usageReport } from '../../shared/http/management/contract/usage.ts';
import { whoAmI } from '../../shared/http/management/contract/whoami.ts';
import {
  backupDocument,
  rebuildDocument,
  restoreDocument,
} from '../../shared/http/management/backups.ts';
import { passwordDocument, tokenDocument } from '../../shared/http/management/token-documents.ts';
import { retentionDocument } from '../../shared/http/management/retention.ts';
import { workDocument } from '../../shared/http/management/work-report.ts';
import { federationRule } from '../../shared/policy/federation-rules.ts';
import { policyDocument } from '../../shared/policy/policy-document.ts';
import { scopeMap } from '../../shared/policy/scope-maps.ts';

/** The schemas that have a name in the file. */
export const namedSchemas: Readonly<Record<string, GenericSchema>> = {
  Problem: problem,
  WhoAmI: whoAmI,
  Policy: policyDocument,
  PolicyValidation: policyValidation,
  ScopeMap: scopeMap,
  ScopeMapList: scopeMapList,
  FederationRule: federationRule,
  FederationRuleList: federationList,
  TokenSettings: tokenDocument,
  Token: tokenJson,
  TokenList: tokenList,
  PasswordExpiry: passwordDocument,
  Password: tokenPasswordMade,
  PermissionExplanation: permissionAnswer,
  HealthReport: healthReport,
  SweepRequest: workDocument,
  SweepReport: sweepReport,
  BackupRequest: backupDocument,
  BackupState: backupState,
  BackupList: backupList,
  RestoreRequest: restoreDocument,
  RestoreReport: restoreReport,
  RebuildRequest: rebuildDocument,
  RebuildReport: rebuildReport,
  AuditReport: auditReport,
  RetentionRequest: retentionDocument,
  RetentionReport: retentionReport,
  Usage: usageReport,
  UsageList: usageList,
  UsageCount: usageCount,
  OpenApi: looseObject({ openapi: string() }),
};
