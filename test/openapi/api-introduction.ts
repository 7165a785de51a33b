import { tokenPropagationSeconds } from '../../shared/auth/known-tokens.ts';
import { maxPolicyBytes, propagationSeconds } from '../../shared/policy/policy-store.ts';

/** What docs/api.md says above the operations. */
export const introduction = `<!-- Made of docs/openapi.json by test/openapi; \`npm test -- openapi -u\` rewrites it. -->

# The management API

JSON over HTTPS below \`/api/v1/\`: the policy and its parts, repository tokens, permissions, health, garbage collection. The
\`lighter\` command ([cli.md](cli.md)) speaks it. Its description in OpenAPI 3.1 is [openapi.json](openapi.json), which a registry
also answers at \`/api/v1/openapi.json\`. What answers GET answers HEAD, without the body.

## Signing in

It asks for the scope \`registry:management:read\`, \`:write\` or \`:delete\`. The admin account has all three; of Entra's
principals those have them whose Azure role has \`Microsoft.ContainerRegistry/registries/read\`, \`/write\` or \`/delete\` on the
registry ([permissions.md](permissions.md)): Owner and Contributor all, Reader the first. Repository tokens and federated jobs
have none.

What \`docker login\` takes is taken here, too, as Basic:

\`\`\`sh
curl -u "admin:$LIGHTER_ADMIN_PASSWORD" https://registry.example.com/api/v1/whoami
\`\`\`

Or with an access token, which lasts 75 minutes; here for who is signed in with \`az login\`:

\`\`\`sh
registry=registry.example.com
entra=$(az account get-access-token --resource https://containerregistry.azure.net --query accessToken -o tsv)
refresh=$(curl -fsS "https://$registry/oauth2/exchange" -d grant_type=access_token -d "service=$registry" \\
  -d "access_token=$entra" | jq -r .refresh_token)
token=$(curl -fsS "https://$registry/oauth2/token" -d grant_type=refresh_token -d "service=$registry" \\
  -d scope='registry:management:*' -d "refresh_token=$refresh" | jq -r .access_token)
curl -H "Authorization: Bearer $token" "https://$registry/api/v1/whoami"
\`\`\`

The examples below have such a token in \`$token\`.

## Changing something

- A body is a JSON object with \`Content-Type: application/json\`, of 64 KiB at most; the policy as a whole has
  ${maxPolicyBytes / 1024} KiB at most. A field that is not known is an error: nothing is passed over.
- What can be changed has an \`ETag\`. \`If-Match\` with it changes only what has not changed meanwhile, and answers 412 else;
  \`If-None-Match: *\` only makes what is not there yet. A PUT of the whole policy needs \`If-Match\`.
- Scope maps and federation rules are parts of the policy, changed one at a time: two people who change two of them at once
  both succeed. Names are found whatever their case.
- A change of the policy is in force on the instance that made it at once, on all others within ${propagationSeconds} seconds; one of a
  repository token within ${tokenPropagationSeconds} seconds. Access tokens that were fetched before keep what they allow until they end,
  75 minutes at most.
- Every change leaves a line in the [audit trail](audit.md).

The policy and its ETag, got in one answer, changed, and put back unless somebody else was faster (curl from 7.84):

\`\`\`sh
etag=$(curl -fsS -H "Authorization: Bearer $token" -o policy.json -w '%header{etag}' "https://$registry/api/v1/policy")
jq '.anonymousPull += ["public/*"]' policy.json > changed.json
curl -fsS -X PUT -H "Authorization: Bearer $token" -H "If-Match: $etag" \\
  -H "Content-Type: application/json" -d @changed.json "https://$registry/api/v1/policy"
\`\`\`

The quotes belong to an ETag. What has changed meanwhile answers 412, and \`detail.etag\` is what it has now; the way of a scope
map, a federation rule or a token is the same, with its own address. \`lighter policy show --etag\` prints the policy's.

Errors have the form of the OCI distribution specification. \`detail.problems\` says everything that is wrong with a
document, each with a JSON pointer (RFC 6901) to the place:

\`\`\`json
{
  "errors": [
    {
      "code": "UNSUPPORTED",
      "message": "the document is not valid",
      "detail": {
        "problems": [{ "at": "/rules/0/actions/0", "problem": "Invalid type: Expected (\\"content/read\\" | …" }]
      }
    }
  ]
}
\`\`\``;
