metadata description = 'Settings of the function app: those of the platform, and those that shared/config.ts reads.'

@description('Name of the function app.')
param appName string

@description('Client id of the identity the app acts as.')
@minLength(36)
@maxLength(36)
param identityClientId string

@description('Blob endpoint of the host\'s storage account.')
param hostBlobUrl string

@description('Table endpoint of the host\'s storage account.')
param hostTableUrl string

@description('Blob endpoint of the content\'s storage account.')
param contentBlobUrl string

@description('Table endpoint of the content\'s storage account.')
param contentTableUrl string

@description('Blob endpoint of the account that clients put layers into.')
param stagingBlobUrl string

@description('Where telemetry goes.')
param insightsConnection string

@description('Address of the registry, for example https://registry.example.com.')
param publicUrl string

@description('Entra tenant whose users, service principals and managed identities may sign in.')
@minLength(36)
@maxLength(36)
param tenantId string

@description('Client id of an app registration whose tokens are accepted. Empty: none.')
param entraAppId string

@description('Accept tokens made for Azure Resource Manager, too.')
param acceptArmTokens bool

@description('Password of the admin account. Empty: the account is off.')
@secure()
param adminPassword string

@description('Repository patterns that anyone may pull.')
param anonymousPull string[]

@description('Repository patterns in which manifests may name layers that were never pushed.')
param allowMissingBlobs string[]

@description('Clients that can, put layers straight into storage.')
param directPush bool

@description('Largest body that the Functions host takes at all, in bytes.')
@minValue(1048576)
param maxUploadBytes int

@description('Largest body with a Content-Length that is taken as a layer, in bytes.')
@minValue(1048576)
param maxBufferedUploadBytes int

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource settings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: app
  name: 'appsettings'
  properties: {
    // The Functions host: its own storage, and telemetry, with the identity and without keys.
    AzureWebJobsStorage__credential: 'managedidentity'
    AzureWebJobsStorage__clientId: identityClientId
    AzureWebJobsStorage__blobServiceUri: hostBlobUrl
    AzureWebJobsStorage__tableServiceUri: hostTableUrl
    APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnection
    APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
    AZURE_CLIENT_ID: identityClientId
    AzureWebJobsDisableHomepage: 'true'
    FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: string(maxUploadBytes)
    languageWorkers__node__arguments: '--max-semi-space-size=3 --initial-old-space-size=64'

    // The registry.
    LIGHTER_STORAGE_BLOB_URL: contentBlobUrl
    LIGHTER_STORAGE_TABLE_URL: contentTableUrl
    LIGHTER_STAGING_BLOB_URL: stagingBlobUrl
    LIGHTER_STORAGE_CLIENT_ID: identityClientId
    LIGHTER_PUBLIC_URL: publicUrl
    LIGHTER_RESOURCE_ID: app.id
    LIGHTER_ARM_ENDPOINT: environment().resourceManager
    LIGHTER_TENANT_ID: tenantId
    LIGHTER_ENTRA_AUTHORITY: environment().authentication.loginEndpoint
    LIGHTER_ENTRA_APP_ID: entraAppId
    LIGHTER_ACCEPT_ARM_TOKENS: acceptArmTokens ? '1' : '0'
    LIGHTER_ADMIN_PASSWORD: adminPassword
    LIGHTER_ANONYMOUS_PULL: join(anonymousPull, ',')
    LIGHTER_ALLOW_MISSING_BLOBS: join(allowMissingBlobs, ',')
    LIGHTER_DIRECT_PUSH: directPush ? '1' : '0'
    LIGHTER_MAX_BODY_BYTES: string(maxBufferedUploadBytes)
  }
}
