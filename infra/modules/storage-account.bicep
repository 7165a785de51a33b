metadata description = 'A storage account that opens to Entra only, with its containers and tables.'

import { redundancy } from 'types.bicep'

@description('Name of the account: 3 to 24 lower-case letters and digits, unique in Azure.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags of the account.')
param tags object

@description('Redundancy of blobs and tables.')
param sku redundancy

@description('Blob containers to create.')
param containers string[]

@description('Tables to create.')
param tables string[]

@description('Days that deleted blobs and containers can be restored. 0: not at all.')
@minValue(0)
@maxValue(365)
param softDeleteDays int

@description('Keep earlier versions of blobs.')
param versioning bool

@description('Container whose blobs are deleted after two days. Empty: none.')
param expiringContainer string

@description('Reachable from the internet, by those whom Entra lets in and by signed URLs.')
param publicAccess bool

@description('Forbid that the account be deleted before the lock is.')
param lock bool

@description('Log Analytics workspace that gets the metrics and the log of deletions.')
param workspaceId string

resource account 'Microsoft.Storage/storageAccounts@2025-06-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: sku
  }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: publicAccess ? 'Allow' : 'Deny'
    }
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2025-06-01' = {
  parent: account
  name: 'default'
  properties: {
    isVersioningEnabled: versioning
    deleteRetentionPolicy: softDeleteDays > 0
      ? {
          enabled: true
          days: softDeleteDays
        }
      : {
          enabled: false
        }
    containerDeleteRetentionPolicy: softDeleteDays > 0
      ? {
          enabled: true
          days: softDeleteDays
        }
      : {
          enabled: false
        }
  }
}

resource blobContainers 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-06-01' = [
  for container in containers: {
    parent: blobService
    name: container
    properties: {
      publicAccess: 'None'
    }
  }
]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2025-06-01' = {
  parent: account
  name: 'default'
}

resource accountTables 'Microsoft.Storage/storageAccounts/tableServices/tables@2025-06-01' = [
  for table in tables: {
    parent: tableService
    name: table
  }
]

resource expiry 'Microsoft.Storage/storageAccounts/managementPolicies@2025-06-01' = if (!empty(expiringContainer)) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'empty-${expiringContainer}'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: [
                'blockBlob'
                'appendBlob'
              ]
              prefixMatch: [
                '${expiringContainer}/'
              ]
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterCreationGreaterThan: 2
                }
              }
              snapshot: {
                delete: {
                  daysAfterCreationGreaterThan: 2
                }
              }
              version: {
                delete: {
                  daysAfterCreationGreaterThan: 2
                }
              }
            }
          }
        }
      ]
    }
  }
  dependsOn: [
    blobContainers
  ]
}

resource deletionLock 'Microsoft.Authorization/locks@2020-05-01' = if (lock) {
  name: 'content'
  scope: account
  properties: {
    level: 'CanNotDelete'
    notes: 'Holds the layers and manifests of a container registry.'
  }
}

resource blobDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: blobService
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'StorageDelete'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

resource tableDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: tableService
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

@description('Resource id.')
output id string = account.id

@description('Name.')
output name string = account.name

@description('Address of the blobs, ending in a slash.')
output blobUrl string = account.properties.primaryEndpoints.blob

@description('Address of the tables, ending in a slash.')
output tableUrl string = account.properties.primaryEndpoints.table
