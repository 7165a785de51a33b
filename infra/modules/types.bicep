metadata description = 'Types that several templates share, and what the tiers are.'

@export()
@description('Who is given a role on the registry.')
@sealed()
type principal = {
  @description('Object id in Entra, not the client id.')
  @minLength(36)
  @maxLength(36)
  objectId: string

  @description('What the object is. Managed identities are service principals.')
  type: 'User' | 'Group' | 'ServicePrincipal'
}

@export()
@description('Where copies of the content are kept: in one place, in three zones, and in another region as well.')
type redundancy =
  | 'Standard_LRS'
  | 'Standard_ZRS'
  | 'Standard_GRS'
  | 'Standard_RAGRS'
  | 'Standard_GZRS'
  | 'Standard_RAGZRS'

@export()
@description('Memory of an instance in MB. Processors come with it: a quarter, one, two.')
type instanceMemory = 512 | 2048 | 4096

@export()
@description('A named set of the settings below.')
type tierName = 'basic' | 'standard' | 'premium'

@export()
@description('What a tier decides. What is left out is as the tier has it.')
@sealed()
type tierOverrides = {
  @description('Redundancy of the storage account with the content.')
  redundancy: redundancy?

  @description('Memory of an instance in MB.')
  instanceMemoryMb: instanceMemory?

  @description('Most instances at a time. The memory and the quota of the subscription limit it, too.')
  @minValue(1)
  @maxValue(1000)
  maximumInstances: int?

  @description('Requests an instance works on at the same time before another instance is started.')
  @minValue(1)
  @maxValue(1000)
  requestsPerInstance: int?

  @description('Instances that are always there, so that nobody waits for a start. They cost money while nobody uses them.')
  @minValue(0)
  @maxValue(100)
  alwaysReadyInstances: int?

  @description('Largest body with a Content-Length that is taken as a layer, in bytes. The platform reads it whole into memory, several times over.')
  @minValue(1048576)
  @maxValue(1073741824)
  maxBufferedUploadBytes: int?

  @description('A virtual network: the app reaches storage through private endpoints, and has one itself.')
  privateNetworking: bool?

  @description('Instances in several zones. Needs a region with zones.')
  zoneRedundant: bool?
}

@export()
@description('The tiers. docs/tiers.md is this table in words.')
var tiers = {
  basic: {
    redundancy: 'Standard_LRS'
    instanceMemoryMb: 2048
    maximumInstances: 40
    requestsPerInstance: 16
    alwaysReadyInstances: 0
    maxBufferedUploadBytes: 134217728
    privateNetworking: false
    zoneRedundant: false
  }
  standard: {
    redundancy: 'Standard_ZRS'
    instanceMemoryMb: 2048
    maximumInstances: 100
    requestsPerInstance: 16
    alwaysReadyInstances: 1
    maxBufferedUploadBytes: 134217728
    privateNetworking: false
    zoneRedundant: false
  }
  premium: {
    redundancy: 'Standard_GZRS'
    instanceMemoryMb: 4096
    maximumInstances: 100
    requestsPerInstance: 32
    alwaysReadyInstances: 2
    maxBufferedUploadBytes: 268435456
    privateNetworking: true
    zoneRedundant: true
  }
}
