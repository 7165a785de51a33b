metadata description = 'What azd up deploys: a resource group, and the registry in it.'

targetScope = 'subscription'

import { tierName, tierOverrides } from 'modules/types.bicep'

@description('Name of the azd environment.')
@minLength(1)
@maxLength(64)
param environmentName string

@description('Region of everything.')
@minLength(1)
param location string

@description('Set of settings by the names of Azure Container Registry\'s.')
param tier tierName = 'basic'

@description('Settings in which the registry shall differ from its tier.')
param overrides tierOverrides = {}

@description('Object id of who deploys. Gets AcrPush and AcrDelete.')
@minLength(36)
@maxLength(36)
param deployerId string

@description('What the object id of who deploys is.')
@allowed(['User', 'Group', 'ServicePrincipal'])
param deployerType string = 'User'

@description('Host name of your own. Empty: the name Azure gives.')
@maxLength(253)
param customDomain string = ''

var tags = {
  'azd-env-name': environmentName
}
var deployers = [
  {
    objectId: deployerId
    type: deployerType
  }
]

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-${environmentName}'
  location: location
  tags: tags
}

module registry 'main.bicep' = {
  scope: group
  params: {
    location: location
    tags: tags
    tier: tier
    overrides: overrides
    pushPrincipals: deployers
    deletePrincipals: deployers
    customDomain: customDomain
  }
}

@description('The resource group, as azd names it.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Address of the registry.')
output registryUrl string = registry.outputs.registryUrl

@description('What docker login and image names begin with.')
output loginServer string = registry.outputs.loginServer

@description('Resource to assign roles on: the function app.')
output registryResourceId string = registry.outputs.registryResourceId

@description('Name of the function app.')
output functionAppName string = registry.outputs.functionAppName
