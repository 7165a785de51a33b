import type { Route } from '../shared/http/route.ts';
import { acrCatalogRoute } from './acr-catalog.ts';
import { acrDeletedCatalogRoute } from './acr-deleted-catalog.ts';
import { acrDeletedManifestRoute } from './acr-deleted-manifest.ts';
import { acrDeletedManifestsRoute } from './acr-deleted-manifests.ts';
import { acrDeletedTagsRoute } from './acr-deleted-tags.ts';
import { acrManifestRoute } from './acr-manifest.ts';
import { acrManifestsRoute } from './acr-manifests.ts';
import { acrRepositoryRoute } from './acr-repository.ts';
import { acrTagRoute } from './acr-tag.ts';
import { acrTagsRoute } from './acr-tags.ts';
import { apiBackupsRoute } from './api-backups.ts';
import { apiFederationRuleRoute } from './api-federation-rule.ts';
import { apiFederationRoute } from './api-federation.ts';
import { apiGcRoute } from './api-gc.ts';
import { apiHealthRoute } from './api-health.ts';
import { apiOpenApiRoute } from './api-openapi.ts';
import { apiPermissionsRoute } from './api-permissions.ts';
import { apiPolicyValidationRoute } from './api-policy-validation.ts';
import { apiPolicyRoute } from './api-policy.ts';
import { apiRebuildRoute } from './api-rebuild.ts';
import { apiRestoreRoute } from './api-restore.ts';
import { apiRetentionPreviewRoute } from './api-retention-preview.ts';
import { apiRetentionRoute } from './api-retention.ts';
import { apiScopeMapRoute } from './api-scope-map.ts';
import { apiScopeMapsRoute } from './api-scope-maps.ts';
import { apiStorageAuditRoute } from './api-storage-audit.ts';
import { apiTokenPasswordRoute } from './api-token-password.ts';
import { apiTokenRoute } from './api-token.ts';
import { apiTokensRoute } from './api-tokens.ts';
import { apiUsageOfRepositoryRoute } from './api-usage-of-repository.ts';
import { apiUsageRoute } from './api-usage.ts';
import { apiWhoamiRoute } from './api-whoami.ts';
import { baseRoute } from './base.ts';
import { blobsRoute } from './blobs.ts';
import { catalogRoute } from './catalog.ts';
import { exchangeRoute } from './exchange.ts';
import { healthRoute } from './health.ts';
import { homeRoute } from './home.ts';
import { jwksRoute } from './jwks.ts';
import { manifestsRoute } from './manifests.ts';
import { referrersRoute } from './referrers.ts';
import { searchPingRoute, searchRoute } from './search.ts';
import { tagsRoute } from './tags.ts';
import { tokenRoute } from './token.ts';
import { uploadsRoute } from './uploads.ts';

/**
 * The one table of routes. The first whose pattern matches has the request: `uploads` stands before
 * `blobs`, whose digest its path could be, and what was deleted before what is there.
 */
export const routes: readonly Route[] = [
  baseRoute,
  manifestsRoute,
  uploadsRoute,
  blobsRoute,
  tagsRoute,
  referrersRoute,
  catalogRoute,
  tokenRoute,
  exchangeRoute,
  acrCatalogRoute,
  acrDeletedCatalogRoute,
  acrDeletedManifestsRoute,
  acrDeletedManifestRoute,
  acrDeletedTagsRoute,
  acrTagsRoute,
  acrTagRoute,
  acrManifestsRoute,
  acrManifestRoute,
  acrRepositoryRoute,
  apiWhoamiRoute,
  apiPolicyRoute,
  apiPolicyValidationRoute,
  apiScopeMapsRoute,
  apiScopeMapRoute,
  apiFederationRoute,
  apiFederationRuleRoute,
  apiTokensRoute,
  apiTokenRoute,
  apiTokenPasswordRoute,
  apiPermissionsRoute,
  apiGcRoute,
  apiRetentionRoute,
  apiRetentionPreviewRoute,
  apiUsageRoute,
  apiUsageOfRepositoryRoute,
  apiBackupsRoute,
  apiRestoreRoute,
  apiRebuildRoute,
  apiStorageAuditRoute,
  apiHealthRoute,
  apiOpenApiRoute,
  searchPingRoute,
  searchRoute,
  jwksRoute,
  healthRoute,
  homeRoute,
];
