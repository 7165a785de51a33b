metadata description = 'An identity that one service account of a cluster acts as, without a secret, and that may pull: for what keeps the pull secret of a namespace fresh.'

targetScope = 'resourceGroup'

@description('Resource id of the registry: the output registryResourceId. It may be in another resource group or subscription.')
@minLength(1)
param registryResourceId string

@description('Issuer of the cluster\'s service account tokens: the output oidcIssuerUrl of main.bicep or attach.bicep.')
@minLength(9)
param oidcIssuerUrl string

@description('Namespace of the service account.')
@minLength(1)
@maxLength(63)
param namespace string

@description('Name of the service account.')
@minLength(1)
@maxLength(253)
param serviceAccount string

@description('Name of the identity.')
@minLength(3)
@maxLength(128)
param name string = 'lighter-pull'

@description('Region of the identity.')
param location string = resourceGroup().location

@description('Tags of the identity.')
param tags object = {}

var registryIdParts = split(registryResourceId, '/')
var checkedAppName = contains(toLower(registryResourceId), '/providers/microsoft.web/sites/')
  ? last(registryIdParts)
  : fail('registryResourceId is not the id of a function app: it is the output registryResourceId of the registry.')

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

resource federation 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = {
  parent: identity
  name: '${namespace}-service-account'
  properties: {
    issuer: oidcIssuerUrl
    subject: 'system:serviceaccount:${namespace}:${serviceAccount}'
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

module roles '../modules/registry-roles.bicep' = {
  scope: resourceGroup(registryIdParts[2], registryIdParts[4])
  params: {
    appName: checkedAppName
    pullPrincipals: [
      {
        objectId: identity.properties.principalId
        type: 'ServicePrincipal'
      }
    ]
  }
}

@description('Client id of the identity: the annotation azure.workload.identity/client-id of the service account.')
output clientId string = identity.properties.clientId

@description('Tenant of the identity.')
output tenantId string = identity.properties.tenantId
