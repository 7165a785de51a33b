metadata description = 'Lighter, a private container registry: a function app in front of a storage account.'

targetScope = 'resourceGroup'

import { principal, tierName, tierOverrides, tiers } from 'modules/types.bicep'

@description('Region of everything.')
param location string = resourceGroup().location

@description('What names begin with: lower-case letters and digits, a letter first. The rest of a name is derived from the resource group.')
@minLength(2)
@maxLength(10)
param baseName string = 'lighter'

@description('Tags of everything.')
param tags object = {}

@description('Set of settings by the names of Azure Container Registry\'s; docs/tiers.md compares them.')
param tier tierName = 'basic'

@description('Settings in which the registry shall differ from its tier.')
param overrides tierOverrides = {}

@description('Who may pull: gets the role AcrPull on the registry.')
param pullPrincipals principal[] = []

@description('Who may push and pull: gets the role AcrPush on the registry.')
param pushPrincipals principal[] = []

@description('Who may delete: gets the role AcrDelete on the registry.')
param deletePrincipals principal[] = []

@description('Repository patterns anyone may pull without signing in, for example public/*.')
param anonymousPull string[] = []

@description('Repository patterns in which manifests may name layers that were never pushed.')
param allowMissingBlobs string[] = []

@description('Clients that can, put layers straight into storage: docker with containerd, nerdctl, BuildKit.')
param directPush bool = true

@description('An account of its own, without soft delete, for what clients put straight into storage.')
param separateStaging bool = true

@description('Accept tokens made for Azure Resource Manager, which some clients send. They can do more than open a registry.')
param acceptArmTokens bool = false

@description('Client id of an app registration whose tokens are accepted, too. Empty: none.')
@maxLength(36)
param entraAppId string = ''

@description('Password of the admin account, 16 characters or more, or a reference to a secret in Key Vault. Empty: the account is off.')
@secure()
param adminPassword string = ''

@description('Host name of your own, for example registry.example.com. Its DNS records must exist; docs/decisions/infrastructure.md has the order. Empty: the name Azure gives.')
@maxLength(253)
param customDomain string = ''

@description('Version of Node.js the app runs on.')
@allowed(['22', '24'])
param nodeVersion string = '24'

@description('Largest body the Functions host takes at all, in bytes, streamed ones included.')
@minValue(104857600)
@maxValue(214748364800)
param maxUploadBytes int = 5368709120

@description('What happens to running instances when the app is deployed. RollingUpdate is a preview of Azure\'s.')
@allowed(['Recreate', 'RollingUpdate'])
param siteUpdateStrategy string = 'Recreate'

@description('App and content can be reached from the internet. Without, only through private endpoints: needs privateNetworking.')
param publicAccess bool = true

@description('Address ranges, for example 203.0.113.0/24, that may reach the app from the internet. Empty: all.')
param allowedIpRanges string[] = []

@description('Addresses of the virtual network of privateNetworking, a /24 or larger.')
@minLength(9)
@maxLength(18)
param networkPrefix string = '10.90.0.0/24'

@description('Days that deleted content can be restored. 0: not at all.')
@minValue(0)
@maxValue(365)
param softDeleteDays int = 7

@description('Keep earlier versions of blobs. The registry never overwrites content, so this protects against others only.')
param versioning bool = false

@description('Forbid that the storage account of the content be deleted before its lock is.')
param lockContent bool = false

@description('Days that logs are kept.')
@minValue(30)
@maxValue(730)
param logRetentionDays int = 30

@description('Most logs taken in a day, in GB. -1: any.')
@minValue(-1)
@maxValue(1000)
param logQuotaGb int = 1

@description('Addresses that get mail when an alert fires. Empty: alerts show in the portal only.')
param alertEmails string[] = []

@description('Failed requests, in percent, from which on there is an alert.')
@minValue(1)
@maxValue(100)
param alertFailedPercent int = 5

var defaults = tiers[tier]
var redundancy = overrides.?redundancy ?? defaults.redundancy
var instanceMemoryMb = overrides.?instanceMemoryMb ?? defaults.instanceMemoryMb
var maximumInstances = overrides.?maximumInstances ?? defaults.maximumInstances
var requestsPerInstance = overrides.?requestsPerInstance ?? defaults.requestsPerInstance
var alwaysReadyInstances = overrides.?alwaysReadyInstances ?? defaults.alwaysReadyInstances
var maxBufferedUploadBytes = overrides.?maxBufferedUploadBytes ?? defaults.maxBufferedUploadBytes
var privateNetworking = overrides.?privateNetworking ?? defaults.privateNetworking
var zoneRedundant = overrides.?zoneRedundant ?? defaults.zoneRedundant

var checkedPublicAccess = publicAccess || privateNetworking
  ? publicAccess
  : fail('publicAccess=false without privateNetworking: nobody could reach the registry.')
var checkedAdminPassword = empty(adminPassword) || length(adminPassword) >= 16
  ? adminPassword
  : fail('adminPassword must have at least 16 characters, or be empty.')

var suffix = uniqueString(resourceGroup().id, baseName)
var appName = '${baseName}-${suffix}'
var hostRedundancy = zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS'

// The containers and tables that shared/ports names.
var stagingContainer = 'staging'
var contentContainers = ['content', 'manifests', 'backups', stagingContainer]
var contentTables = ['repo', 'data', 'digests', 'catalog', 'keys', 'settings', 'usage']
var packageContainer = 'package'

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: appName
  location: location
  tags: tags
}

module monitoring 'modules/monitoring.bicep' = {
  params: {
    workspaceName: '${appName}-logs'
    insightsName: appName
    location: location
    tags: tags
    retentionDays: logRetentionDays
    dailyQuotaGb: logQuotaGb
  }
}

module hostStorage 'modules/storage-account.bicep' = {
  params: {
    name: '${baseName}h${suffix}'
    location: location
    tags: tags
    sku: hostRedundancy
    containers: [packageContainer]
    tables: []
    softDeleteDays: 0
    versioning: false
    expiringContainer: ''
    publicAccess: !privateNetworking
    lock: false
    workspaceId: monitoring.outputs.workspaceId
  }
}

module contentStorage 'modules/storage-account.bicep' = {
  params: {
    name: '${baseName}c${suffix}'
    location: location
    tags: tags
    sku: redundancy
    containers: contentContainers
    tables: contentTables
    softDeleteDays: softDeleteDays
    versioning: versioning
    expiringContainer: stagingContainer
    publicAccess: checkedPublicAccess
    lock: lockContent
    workspaceId: monitoring.outputs.workspaceId
  }
}

module stagingStorage 'modules/storage-account.bicep' = if (separateStaging) {
  params: {
    name: '${baseName}s${suffix}'
    location: location
    tags: tags
    sku: hostRedundancy
    containers: [stagingContainer]
    tables: []
    softDeleteDays: 0
    versioning: false
    expiringContainer: stagingContainer
    publicAccess: checkedPublicAccess
    lock: false
    workspaceId: monitoring.outputs.workspaceId
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  params: {
    name: appName
    location: location
    tags: tags
    addressPrefix: networkPrefix
  }
}

module app 'modules/app.bicep' = {
  params: {
    name: appName
    planName: appName
    location: location
    tags: tags
    identityId: identity.id
    packageContainerUrl: '${hostStorage.outputs.blobUrl}${packageContainer}'
    nodeVersion: nodeVersion
    instanceMemoryMb: instanceMemoryMb
    maximumInstances: maximumInstances
    requestsPerInstance: requestsPerInstance
    alwaysReadyInstances: alwaysReadyInstances
    zoneRedundant: zoneRedundant
    siteUpdateStrategy: siteUpdateStrategy
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    publicAccess: checkedPublicAccess
    allowedIpRanges: allowedIpRanges
    workspaceId: monitoring.outputs.workspaceId
  }
}

module appRoles 'modules/app-roles.bicep' = {
  params: {
    principalId: identity.properties.principalId
    hostAccountName: hostStorage.outputs.name
    contentAccountName: contentStorage.outputs.name
    stagingAccountName: separateStaging ? stagingStorage!.outputs.name : ''
    insightsName: monitoring.outputs.insightsName
    appName: app.outputs.name
  }
}

module domain 'modules/custom-domain.bicep' = if (!empty(customDomain)) {
  params: {
    appName: app.outputs.name
    planId: app.outputs.planId
    hostName: customDomain
    location: location
    tags: tags
  }
}

module appSettings 'modules/app-settings.bicep' = {
  params: {
    appName: app.outputs.name
    identityClientId: identity.properties.clientId
    hostBlobUrl: hostStorage.outputs.blobUrl
    hostTableUrl: hostStorage.outputs.tableUrl
    contentBlobUrl: contentStorage.outputs.blobUrl
    contentTableUrl: contentStorage.outputs.tableUrl
    stagingBlobUrl: separateStaging ? stagingStorage!.outputs.blobUrl : contentStorage.outputs.blobUrl
    insightsConnection: monitoring.outputs.insightsConnection
    publicUrl: 'https://${empty(customDomain) ? app.outputs.hostName : customDomain}'
    tenantId: tenant().tenantId
    entraAppId: entraAppId
    acceptArmTokens: acceptArmTokens
    adminPassword: checkedAdminPassword
    anonymousPull: anonymousPull
    allowMissingBlobs: allowMissingBlobs
    directPush: directPush
    maxUploadBytes: maxUploadBytes
    maxBufferedUploadBytes: maxBufferedUploadBytes
  }
  dependsOn: [
    appRoles
  ]
}

module registryRoles 'modules/registry-roles.bicep' = {
  params: {
    appName: app.outputs.name
    pullPrincipals: pullPrincipals
    pushPrincipals: pushPrincipals
    deletePrincipals: deletePrincipals
  }
}

module hostBlobEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  params: {
    name: '${appName}-host-blob'
    location: location
    tags: tags
    targetId: hostStorage.outputs.id
    service: 'blob'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.blobZoneId
  }
}

module hostTableEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  params: {
    name: '${appName}-host-table'
    location: location
    tags: tags
    targetId: hostStorage.outputs.id
    service: 'table'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.tableZoneId
  }
}

module contentBlobEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  params: {
    name: '${appName}-content-blob'
    location: location
    tags: tags
    targetId: contentStorage.outputs.id
    service: 'blob'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.blobZoneId
  }
}

module contentTableEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  params: {
    name: '${appName}-content-table'
    location: location
    tags: tags
    targetId: contentStorage.outputs.id
    service: 'table'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.tableZoneId
  }
}

module stagingBlobEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking && separateStaging) {
  params: {
    name: '${appName}-staging-blob'
    location: location
    tags: tags
    targetId: stagingStorage!.outputs.id
    service: 'blob'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.blobZoneId
  }
}

module appEndpoint 'modules/private-endpoint.bicep' = if (privateNetworking) {
  params: {
    name: '${appName}-app'
    location: location
    tags: tags
    targetId: app.outputs.id
    service: 'sites'
    subnetId: network!.outputs.endpointSubnetId
    zoneId: network!.outputs.sitesZoneId
  }
}

module alerts 'modules/alerts.bicep' = {
  params: {
    name: appName
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
    contentAccountId: contentStorage.outputs.id
    emails: alertEmails
    failedPercent: alertFailedPercent
  }
}

module workbook 'modules/workbook.bicep' = {
  params: {
    title: 'Registry ${appName}'
    location: location
    tags: tags
    insightsId: monitoring.outputs.insightsId
  }
}

@description('Address of the registry.')
output registryUrl string = 'https://${empty(customDomain) ? app.outputs.hostName : customDomain}'

@description('What docker login and image names begin with.')
output loginServer string = empty(customDomain) ? app.outputs.hostName : customDomain

@description('Resource to assign roles on: the function app.')
output registryResourceId string = app.outputs.id

@description('Name of the function app, to deploy the package to.')
output functionAppName string = app.outputs.name

@description('Host name Azure gives the app: what the CNAME record of a host name of your own points at.')
output defaultHostName string = app.outputs.hostName

@description('What the TXT record asuid.HOST of a host name of your own must hold.')
output domainVerificationId string = app.outputs.domainVerificationId

@description('Object id of the identity the app acts as.')
output identityPrincipalId string = identity.properties.principalId

@description('Name of the storage account with the content.')
output contentAccountName string = contentStorage.outputs.name

@description('Virtual network to peer with those that reach the registry privately. Empty: none.')
output networkId string = privateNetworking ? network!.outputs.networkId : ''

@description('The workbook in the portal.')
output workbookId string = workbook.outputs.id
