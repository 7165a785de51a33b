metadata description = 'A private endpoint of one service of a resource, and its name in private DNS.'

@description('Name of the endpoint.')
@minLength(2)
@maxLength(64)
param name string

@description('Region.')
param location string

@description('Tags of the endpoint.')
param tags object

@description('Resource that is reached through it.')
param targetId string

@description('Which of its services.')
@allowed(['blob', 'table', 'sites'])
param service string

@description('Subnet it gets its address from.')
param subnetId string

@description('Private DNS zone that gets its name.')
param zoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-10-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: targetId
          groupIds: [
            service
          ]
        }
      }
    ]
  }
}

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-10-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service
        properties: {
          privateDnsZoneId: zoneId
        }
      }
    ]
  }
}

@description('Resource id of the endpoint.')
output id string = endpoint.id
