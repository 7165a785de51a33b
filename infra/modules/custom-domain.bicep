metadata description = 'A host name of your own with a certificate that Azure issues and renews. Its CNAME and TXT records must exist first.'

@description('Name of the function app.')
param appName string

@description('Resource id of its plan.')
param planId string

@description('The host name, for example registry.example.com.')
@minLength(4)
@maxLength(253)
param hostName string

@description('Region.')
param location string

@description('Tags of the certificate.')
param tags object

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

// A certificate is issued only for a host name the app has; the module below then binds it.
resource binding 'Microsoft.Web/sites/hostNameBindings@2024-11-01' = {
  parent: app
  name: hostName
  properties: {
    siteName: appName
    hostNameType: 'Verified'
    customHostNameDnsRecordType: 'CName'
    sslState: 'Disabled'
  }
}

resource certificate 'Microsoft.Web/certificates@2024-11-01' = {
  name: hostName
  location: location
  tags: tags
  properties: {
    canonicalName: hostName
    serverFarmId: planId
  }
  dependsOn: [
    binding
  ]
}

module tls 'custom-domain-tls.bicep' = {
  params: {
    appName: appName
    hostName: hostName
    thumbprint: certificate.properties.thumbprint
  }
}

@description('Address of the app by its own host name.')
output url string = 'https://${hostName}'
