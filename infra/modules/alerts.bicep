metadata description = 'Alerts: the registry fails, storage throttles it, a timer fails.'

@description('Prefix of the names.')
@minLength(2)
@maxLength(60)
param name string

@description('Region.')
param location string

@description('Tags of the alerts.')
param tags object

@description('Application Insights that has the requests.')
param insightsId string

@description('Storage account with the content.')
param contentAccountId string

@description('Addresses that get mail. Empty: alerts show in the portal only.')
param emails string[]

@description('Failed requests, in percent, from which on there is an alert.')
@minValue(1)
@maxValue(100)
param failedPercent int

var actionGroupIds = empty(emails) ? [] : [mail!.id]

resource mail 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: '${name}-mail'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'registry'
    emailReceivers: [
      for (email, index) in emails: {
        name: 'mail-${index}'
        emailAddress: email
        useCommonAlertSchema: true
      }
    ]
  }
}

resource failures 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-failures'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Registry: requests fail'
    description: 'At least ${failedPercent} % of twenty or more requests in five minutes were answered with 5xx.'
    enabled: true
    severity: 1
    scopes: [
      insightsId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      allOf: [
        {
          query: 'requests | where isnotempty(url) | summarize total = count(), failed = countif(toint(resultCode) >= 500) | where total >= 20 and failed * 100 >= total * ${failedPercent}'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: actionGroupIds
    }
  }
}

resource timers 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-timers'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Registry: a timer fails'
    description: 'A timer of the registry failed: what it does, such as making new signing keys, is not done.'
    enabled: true
    severity: 2
    scopes: [
      insightsId
    ]
    evaluationFrequency: 'PT1H'
    windowSize: 'PT1H'
    criteria: {
      allOf: [
        {
          query: 'requests | where isempty(url) and success == false'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: true
    actions: {
      actionGroups: actionGroupIds
    }
  }
}

resource throttling 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${name}-throttling'
  location: 'global'
  tags: tags
  properties: {
    description: 'Azure Storage refuses requests of the registry because there are too many.'
    enabled: true
    severity: 2
    scopes: [
      contentAccountId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'refused'
          metricNamespace: 'Microsoft.Storage/storageAccounts'
          metricName: 'Transactions'
          dimensions: [
            {
              name: 'ResponseType'
              operator: 'Include'
              values: [
                'ServerBusyError'
                'ServerTimeoutError'
                'ClientThrottlingError'
                'ClientAccountBandwidthThrottlingError'
                'ClientAccountRequestThrottlingError'
              ]
            }
          ]
          timeAggregation: 'Total'
          operator: 'GreaterThan'
          threshold: 100
        }
      ]
    }
    autoMitigate: true
    actions: empty(emails)
      ? []
      : [
          {
            actionGroupId: mail!.id
          }
        ]
  }
}
