metadata description = 'The function app on its Flex Consumption plan.'

@description('Name of the function app, unique in Azure: its address is NAME.azurewebsites.net.')
@minLength(2)
@maxLength(60)
param name string

@description('Name of the plan.')
@minLength(1)
@maxLength(60)
param planName string

@description('Region.')
param location string

@description('Tags of app and plan.')
param tags object

@description('Resource id of the user-assigned managed identity the app acts as.')
param identityId string

@description('Where the package is: the address of a blob container.')
param packageContainerUrl string

@description('Version of Node.js.')
@allowed(['22', '24'])
param nodeVersion string

@description('Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMb int

@description('Most instances at a time.')
@minValue(1)
@maxValue(1000)
param maximumInstances int

@description('Requests an instance works on at the same time.')
@minValue(1)
@maxValue(1000)
param requestsPerInstance int

@description('Instances that are always there.')
@minValue(0)
@maxValue(100)
param alwaysReadyInstances int

@description('Instances in several zones.')
param zoneRedundant bool

@description('What happens to running instances when the app is deployed or its settings change. RollingUpdate is a preview of Azure\'s.')
@allowed(['Recreate', 'RollingUpdate'])
param siteUpdateStrategy string

@description('Subnet of the app\'s outgoing traffic. Empty: none.')
param subnetId string

@description('Reachable from the internet.')
param publicAccess bool

@description('Address ranges that may reach the app from the internet. Empty: all.')
param allowedIpRanges string[]

@description('Log Analytics workspace that gets metrics and the log of the host.')
param workspaceId string

var rangeRules = [
  for (range, index) in allowedIpRanges: {
    name: 'range-${index}'
    ipAddress: range
    action: 'Allow'
    priority: 100 + index
  }
]

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'registry' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    publicNetworkAccess: publicAccess ? 'Enabled' : 'Disabled'
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    keyVaultReferenceIdentity: identityId
    siteConfig: {
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ipSecurityRestrictions: rangeRules
      ipSecurityRestrictionsDefaultAction: empty(allowedIpRanges) ? 'Allow' : 'Deny'
      scmIpSecurityRestrictionsUseMain: true
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'node'
        version: nodeVersion
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMb
        maximumInstanceCount: maximumInstances
        alwaysReady: alwaysReadyInstances == 0
          ? []
          : [
              {
                name: 'http'
                instanceCount: alwaysReadyInstances
              }
            ]
        triggers: {
          http: {
            perInstanceConcurrency: requestsPerInstance
          }
        }
      }
      // Azure takes it; its published types do not have it yet.
      #disable-next-line BCP037
      siteUpdateStrategy: {
        type: siteUpdateStrategy
      }
    }
  }
}

resource ftpPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPasswords 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: app
  name: 'scm'
  properties: {
    allow: false
  }
}

resource diagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'to-workspace'
  scope: app
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Resource id of the function app, which stands for the registry.')
output id string = app.id

@description('Name of the function app.')
output name string = app.name

@description('Resource id of the plan.')
output planId string = plan.id

@description('Host name that Azure gives the app.')
output hostName string = app.properties.defaultHostName

@description('What the TXT record asuid.HOST of a host name of your own must hold.')
output domainVerificationId string = app.properties.customDomainVerificationId
