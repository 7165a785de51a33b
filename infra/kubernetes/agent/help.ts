export const help = `lighter-agent: pull credentials of a Lighter registry for Kubernetes

  node                 keep the kubelet's config.json fresh, for all pods of the node
  secret               keep a Secret for imagePullSecrets fresh
  credential-provider  be a kubelet image credential provider (stdin, stdout)
  check                try every step of a pull from here
  install              copy this program to the node, for credential-provider
  wait                 do nothing until it is ended

All but install and wait:
  --registry HOST            such as registry.example.com; http://HOST for one without TLS
  --identity KIND            managed-identity: the machine's, from the metadata service
                             workload-identity: an Entra identity that trusts the cluster
                             service-account: the service account's token, which the registry trusts
  --client-id ID             of the managed identity, or instead of AZURE_CLIENT_ID
  --tenant-id ID             instead of AZURE_TENANT_ID
  --token-file FILE          instead of AZURE_FEDERATED_TOKEN_FILE
  --identity-endpoint URL    instead of http://169.254.169.254

node, secret:
  --renew-after SECONDS      at least this often (3600), and always before half its life is over
  --health ADDRESS:PORT      answer GET /healthz there: 200 when a credential is in place
  --once                     do it once and end
  --service-account-folder   instead of /var/run/secrets/kubernetes.io/serviceaccount
node:
  --config FILE              instead of /var/lib/kubelet/config.json
  --secret NAME              keep it in this Secret of the pod's namespace, too
  --remove                   take the registry's entry out of the file, and wait
secret:
  --secret NAME              made when it is missing
  --namespace NAME           instead of the pod's own
  --service-account NAME     name the Secret in this service account; may be repeated
check:
  --image REPOSITORY:TAG     what is pulled
  --config FILE              by the credential in this file
  --stay, --health           wait afterwards, and answer GET /healthz (127.0.0.1:18081)
install:
  --to FOLDER                the kubelet's --image-credential-provider-bin-dir
  --on-node FOLDER           what that folder is called on the node, when it is mounted elsewhere
  --name NAME                of the provider (lighter-credential-provider)
`;
