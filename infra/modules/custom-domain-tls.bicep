metadata description = 'Binds a certificate to a host name the app already has.'

@description('Name of the function app.')
param appName string

@description('The host name.')
@minLength(4)
@maxLength(253)
param hostName string

@description('Thumbprint of the certificate.')
param thumbprint string

resource app 'Microsoft.Web/sites@2024-11-01' existing = {
  name: appName
}

resource binding 'Microsoft.Web/sites/hostNameBindings@2024-11-01' = {
  parent: app
  name: hostName
  properties: {
    siteName: appName
    hostNameType: 'Verified'
    customHostNameDnsRecordType: 'CName'
    sslState: 'SniEnabled'
    thumbprint: thumbprint
  }
}
