metadata description = 'What the app\'s identity may do, each role with its reason, and no more.'

@description('Object id of the app\'s identity.')
@minLength(36)
@maxLength(36)
param principalId string

@description('Name of the storage account of the Functions host.')
param hostAccountName string

@description('Name of the storage account with the content.')
param contentAccountName string

@description('Name of the storage account that clients put layers into. Empty: the one with the content.')
param stagingAccountName string

@description('Name of Application Insights.')
param insightsName string

@description('Name of the function app.')
param appName string

var storageBlobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
var storageBlobDataContributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
var storageTableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var reader = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'

resource hostAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: hostAccountName
}

resource contentAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = {
  name: contentAccountName
}

resource stagingAccount 'Microsoft.Storage/storageAccounts@2025-06-01' existing = if (!empty(stagingAccountName)) {
  name: stagingAccountName
}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource hostBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostAccount.id, principalId, storageBlobDataOwner)
  scope: hostAccount
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataOwner)
    description: 'The Functions host: its package, its secrets and the leases of its timers.'
  }
}

resource hostTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hostAccount.id, principalId, storageTableDataContributor)
  scope: hostAccount
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
    description: 'The Functions host: its diagnostic events.'
  }
}

resource contentBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(contentAccount.id, principalId, storageBlobDataContributor)
  scope: contentAccount
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    description: 'Layers and manifests; on the account and not on a container, because keys for signed URLs are the account\'s.'
  }
}

resource stagingBlobs 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(stagingAccountName)) {
  name: guid(stagingAccount.id, principalId, storageBlobDataContributor)
  scope: stagingAccount
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageBlobDataContributor)
    description: 'Layers that clients put into storage themselves, until they are copied; and keys for URLs that write one block.'
  }
}

resource contentTables 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(contentAccount.id, principalId, storageTableDataContributor)
  scope: contentAccount
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', storageTableDataContributor)
    description: 'Tags, manifests, rights and uploads.'
  }
}

resource telemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(insights.id, principalId, monitoringMetricsPublisher)
  scope: insights
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
    description: 'Application Insights takes telemetry only with an Entra token.'
  }
}

resource permissions 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(app.id, principalId, reader)
  scope: app
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', reader)
    description: 'Reads who has which role on the registry, roles given further up included.'
  }
}
