metadata description = 'Lets the nodes of an existing AKS cluster pull: its kubelet identity gets AcrPull on the registry. Deploy it into the registry\'s resource group; the cluster may be in another subscription.'

targetScope = 'resourceGroup'

@description('Resource id of the cluster.')
@minLength(1)
param clusterResourceId string

@description('Resource id of the registry: the output registryResourceId, in the resource group this is deployed into.')
@minLength(1)
param registryResourceId string

var clusterIdParts = split(clusterResourceId, '/')

var checkedClusterName = contains(toLower(clusterResourceId), '/providers/microsoft.containerservice/managedclusters/')
  ? last(clusterIdParts)
  : fail('clusterResourceId is not the id of an AKS cluster.')
var checkedAppName = contains(toLower(registryResourceId), '/providers/microsoft.web/sites/')
  ? last(split(registryResourceId, '/'))
  : fail('registryResourceId is not the id of a function app: it is the output registryResourceId of the registry.')

resource cluster 'Microsoft.ContainerService/managedClusters@2026-03-01' existing = {
  name: checkedClusterName
  scope: resourceGroup(clusterIdParts[2], clusterIdParts[4])
}

module roles '../modules/registry-roles.bicep' = {
  params: {
    appName: checkedAppName
    pullPrincipals: [
      {
        objectId: cluster.properties.identityProfile.kubeletidentity.objectId
        type: 'ServicePrincipal'
      }
    ]
  }
}

@description('Issuer of the cluster\'s service account tokens, for federation. Empty: the cluster has none.')
output oidcIssuerUrl string = cluster.properties.?oidcIssuerProfile.?issuerURL ?? ''

@description('Client id of the kubelet identity, which the node-wide refresher uses.')
output kubeletClientId string = cluster.properties.identityProfile.kubeletidentity.clientId
