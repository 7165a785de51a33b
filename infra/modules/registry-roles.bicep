metadata description = 'People and machines that may pull, push and delete: role assignments on the registry\'s resource, its function app.'

import { principal } from 'types.bicep'

@description('Name of the function app.')
param appName string

@description('Who may pull.')
param pullPrincipals principal[] = []

@description('Who may push and pull.')
param pushPrincipals principal[] = []

@description('Who may delete.')
param deletePrincipals principal[] = []

var acrPull = '7f951dda-4ed3-4680-a7ca-43fe172d538d'
var acrPush = '8311e382-0749-4cb8-b61a-304f252e45ec'
var acrDelete = 'c2f4ef07-c644-48eb-af81-4b1b4947fb11'

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource pull 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in pullPrincipals: {
    name: guid(app.id, each.objectId, acrPull)
    scope: app
    properties: {
      principalId: each.objectId
      principalType: each.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPull)
      description: 'May pull.'
    }
  }
]

resource push 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in pushPrincipals: {
    name: guid(app.id, each.objectId, acrPush)
    scope: app
    properties: {
      principalId: each.objectId
      principalType: each.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrPush)
      description: 'May push and pull.'
    }
  }
]

resource delete 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for each in deletePrincipals: {
    name: guid(app.id, each.objectId, acrDelete)
    scope: app
    properties: {
      principalId: each.objectId
      principalType: each.type
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', acrDelete)
      description: 'May delete.'
    }
  }
]
