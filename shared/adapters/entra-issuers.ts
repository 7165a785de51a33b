/** Where a tenant's tokens come from. */
export interface EntraTenant {
  readonly tenantId: string;
  readonly authority: string;
}

/** The `iss` of tokens of version 2.0, and of the tenant's metadata. */
export function issuerV2({ authority, tenantId }: EntraTenant): string {
  return `${authority}/${tenantId}/v2.0`;
}

/** Every `iss` a token of the tenant may have: version 1.0 has a host of its own. */
export function entraIssuers(tenant: EntraTenant): readonly string[] {
  return [`https://sts.windows.net/${tenant.tenantId}/`, issuerV2(tenant)];
}
