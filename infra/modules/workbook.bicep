metadata description = 'A workbook in the portal: what the registry does, how fast, and what fails.'

@description('Title in the portal.')
@minLength(1)
@maxLength(100)
param title string

@description('Region.')
param location string

@description('Tags of the workbook.')
param tags object

@description('Application Insights that is shown.')
param insightsId string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(insightsId, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: title
    category: 'workbook'
    sourceId: insightsId
    version: 'Notebook/1.0'
    serializedData: loadTextContent('workbook.json')
  }
}

@description('Resource id of the workbook.')
output id string = workbook.id
