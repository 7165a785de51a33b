import type { EntraConfig } from '../config.ts';

const withSlash = (audience: string) => [audience, `${audience}/`];

/** Azure Container Registry's own: what AKS and newer releases of the Azure CLI ask tokens for. */
const registryAudiences = withSlash('https://containerregistry.azure.net');

/** Azure Resource Manager's: tokens for it open all of Azure to whoever receives them. */
export const armAudiences: readonly string[] = [
  ...withSlash('https://management.azure.com'),
  ...withSlash('https://management.core.windows.net'),
];

/** What the `aud` of a token may be to be accepted from a client. */
export function entraAudiences({ appId, acceptArmTokens }: EntraConfig): readonly string[] {
  return [
    ...registryAudiences,
    ...(acceptArmTokens ? armAudiences : []),
    ...(appId === undefined ? [] : [appId, `api://${appId}`]),
  ];
}
