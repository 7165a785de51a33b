using 'main.bicep'

// The settings most people change; main.bicep describes all of them.
param tier = 'standard'

param overrides = {
  alwaysReadyInstances: 0
}

param pullPrincipals = []

param pushPrincipals = []

param deletePrincipals = []

param alertEmails = []

param tags = {
  application: 'lighter'
}
