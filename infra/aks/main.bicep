metadata description = 'A sample AKS cluster whose nodes may pull from a registry, which may be in another resource group or subscription.'

targetScope = 'resourceGroup'

@description('Resource id of the registry: the output registryResourceId.')
@minLength(1)
param registryResourceId string

@description('Region of the cluster.')
param location string = resourceGroup().location

@description('Name of the cluster.')
@minLength(1)
@maxLength(63)
param name string = 'lighter-sample'

@description('Tags of everything.')
param tags object = {}

@description('Kubernetes version, such as 1.34. Empty: Azure\'s default.')
@maxLength(16)
param kubernetesVersion string = ''

@description('Size of the nodes.')
@minLength(1)
param nodeSize string = 'Standard_D2s_v5'

@description('How many nodes.')
@minValue(1)
@maxValue(100)
param nodeCount int = 2

var registryIdParts = split(registryResourceId, '/')
var checkedAppName = contains(toLower(registryResourceId), '/providers/microsoft.web/sites/')
  ? last(registryIdParts)
  : fail('registryResourceId is not the id of a function app: it is the output registryResourceId of the registry.')
var managedIdentityOperator = 'f1a07417-d97a-45cb-824c-7a7467783830'

resource clusterIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-cluster'
  location: location
  tags: tags
}

resource kubeletIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${name}-kubelet'
  location: location
  tags: tags
}

resource assignKubelet 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(kubeletIdentity.id, clusterIdentity.id, managedIdentityOperator)
  scope: kubeletIdentity
  properties: {
    principalId: clusterIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', managedIdentityOperator)
    description: 'The cluster gives its nodes the kubelet identity.'
  }
}

resource cluster 'Microsoft.ContainerService/managedClusters@2026-03-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: 'Base'
    tier: 'Free'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${clusterIdentity.id}': {}
    }
  }
  properties: {
    dnsPrefix: name
    kubernetesVersion: empty(kubernetesVersion) ? null : kubernetesVersion
    enableRBAC: true
    identityProfile: {
      kubeletidentity: {
        resourceId: kubeletIdentity.id
        clientId: kubeletIdentity.properties.clientId
        objectId: kubeletIdentity.properties.principalId
      }
    }
    oidcIssuerProfile: {
      enabled: true
    }
    securityProfile: {
      workloadIdentity: {
        enabled: true
      }
    }
    networkProfile: {
      networkPlugin: 'azure'
      networkPluginMode: 'overlay'
    }
    agentPoolProfiles: [
      {
        name: 'system'
        mode: 'System'
        type: 'VirtualMachineScaleSets'
        count: nodeCount
        vmSize: nodeSize
        osType: 'Linux'
      }
    ]
  }
  dependsOn: [
    assignKubelet
  ]
}

module roles '../modules/registry-roles.bicep' = {
  scope: resourceGroup(registryIdParts[2], registryIdParts[4])
  params: {
    appName: checkedAppName
    pullPrincipals: [
      {
        objectId: kubeletIdentity.properties.principalId
        type: 'ServicePrincipal'
      }
    ]
  }
}

@description('Name of the cluster.')
output clusterName string = cluster.name

@description('Resource id of the cluster.')
output clusterResourceId string = cluster.id

@description('Client id of the kubelet identity, which the node-wide refresher uses.')
output kubeletClientId string = kubeletIdentity.properties.clientId

@description('Issuer of the cluster\'s service account tokens, for federation.')
output oidcIssuerUrl string = cluster.properties.?oidcIssuerProfile.?issuerURL ?? ''
