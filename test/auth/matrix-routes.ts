import { digestOf } from '../http/client.ts';
import type { Need } from './matrix-principals.ts';

/** What a request to a route needs, and a request that changes nothing when it is let in. */
export interface Expected {
  /** One of them is enough; `login`: any credential; `anyone`, `open`: nothing. */
  readonly needs: readonly Need[] | 'login' | 'anyone' | 'open';
  /** With `{name}` where the repository stands. */
  readonly target: string;
  readonly body?: string;
}

const absent = digestOf('nothing has this digest');
const upload = '0'.repeat(32);
const acr = '/acr/v1/{name}';

/** By method and name of the route. A route that is missing here fails the test. */
export const expected: Readonly<Record<string, Expected>> = {
  'GET base': { needs: 'login', target: '/v2/' },
  'HEAD base': { needs: 'login', target: '/v2/' },
  'GET manifests': { needs: ['pull'], target: '/v2/{name}/manifests/v1' },
  'HEAD manifests': { needs: ['pull'], target: '/v2/{name}/manifests/v1' },
  'PUT manifests': {
    needs: ['push', 'sign'],
    target: `/v2/{name}/manifests/${absent}`,
    body: '{}',
  },
  'DELETE manifests': { needs: ['delete'], target: '/v2/{name}/manifests/absent' },
  'POST uploads': { needs: ['push', 'sign'], target: '/v2/{name}/blobs/uploads/?digest=bad' },
  'PATCH uploads': { needs: ['push', 'sign'], target: `/v2/{name}/blobs/uploads/${upload}` },
  'PUT uploads': { needs: ['push', 'sign'], target: `/v2/{name}/blobs/uploads/${upload}` },
  'GET uploads': { needs: ['push', 'sign'], target: `/v2/{name}/blobs/uploads/${upload}` },
  'DELETE uploads': { needs: ['push', 'sign'], target: `/v2/{name}/blobs/uploads/${upload}` },
  'GET blobs': { needs: ['pull'], target: `/v2/{name}/blobs/${digestOf('{}')}` },
  'HEAD blobs': { needs: ['pull', 'push', 'sign'], target: `/v2/{name}/blobs/${digestOf('{}')}` },
  'DELETE blobs': { needs: ['delete'], target: `/v2/{name}/blobs/${absent}` },
  'GET tags': { needs: ['pull'], target: '/v2/{name}/tags/list' },
  'GET referrers': { needs: ['pull'], target: `/v2/{name}/referrers/${absent}` },
  'GET catalog': { needs: ['catalog'], target: '/v2/_catalog' },
  'GET token': { needs: 'open', target: '/oauth2/token?service=x' },
  'POST token': { needs: 'open', target: '/oauth2/token', body: 'grant_type=none' },
  'POST exchange': { needs: 'open', target: '/oauth2/exchange', body: 'grant_type=none' },
  'GET acr-catalog': { needs: ['catalog'], target: '/acr/v1/_catalog' },
  'GET acr-tags': { needs: ['metadata_read'], target: `${acr}/_tags` },
  'GET acr-tag': { needs: ['metadata_read'], target: `${acr}/_tags/v1` },
  'PATCH acr-tag': { needs: ['metadata_write'], target: `${acr}/_tags/v1`, body: '?' },
  'DELETE acr-tag': { needs: ['delete'], target: `${acr}/_tags/absent` },
  'GET acr-manifests': { needs: ['metadata_read'], target: `${acr}/_manifests` },
  'GET acr-manifest': { needs: ['metadata_read'], target: `${acr}/_manifests/${absent}` },
  'PATCH acr-manifest': { needs: ['metadata_write'], target: `${acr}/_manifests/${absent}` },
  'GET acr-repository': { needs: ['metadata_read'], target: acr },
  'PATCH acr-repository': { needs: ['metadata_write'], target: acr, body: '?' },
  // What a lock forbids was let in by the gate.
  'DELETE acr-repository': { needs: ['delete'], target: acr },
  'GET acr-deleted-catalog': { needs: ['catalog'], target: '/acr/v1/_deleted/_catalog' },
  'GET acr-deleted-manifests': {
    needs: ['metadata_read'],
    target: '/acr/v1/_deleted/{name}/_manifests',
  },
  'GET acr-deleted-tags': { needs: ['metadata_read'], target: '/acr/v1/_deleted/{name}/_tags' },
  'POST acr-deleted-manifest': {
    needs: ['push'],
    target: `/acr/v1/_deleted/{name}/_manifests/${absent}`,
  },
  'GET api-whoami': { needs: 'anyone', target: '/api/v1/whoami' },
  'GET api-policy': { needs: ['manage_read'], target: '/api/v1/policy' },
  'PUT api-policy': { needs: ['manage_write'], target: '/api/v1/policy', body: '?' },
  'POST api-policy-validation': {
    needs: ['manage_read'],
    target: '/api/v1/policy/validate',
    body: '?',
  },
  'GET api-scope-maps': { needs: ['manage_read'], target: '/api/v1/scope-maps' },
  'GET api-scope-map': { needs: ['manage_read'], target: '/api/v1/scope-maps/absent' },
  'PUT api-scope-map': { needs: ['manage_write'], target: '/api/v1/scope-maps/x', body: '?' },
  'DELETE api-scope-map': { needs: ['manage_delete'], target: '/api/v1/scope-maps/absent' },
  'GET api-federation': { needs: ['manage_read'], target: '/api/v1/federation' },
  'GET api-federation-rule': { needs: ['manage_read'], target: '/api/v1/federation/absent' },
  'PUT api-federation-rule': { needs: ['manage_write'], target: '/api/v1/federation/x', body: '?' },
  'DELETE api-federation-rule': { needs: ['manage_delete'], target: '/api/v1/federation/absent' },
  'GET api-tokens': { needs: ['manage_read'], target: '/api/v1/tokens' },
  'GET api-token': { needs: ['manage_read'], target: '/api/v1/tokens/absent' },
  'PUT api-token': { needs: ['manage_write'], target: '/api/v1/tokens/x', body: '?' },
  'DELETE api-token': { needs: ['manage_delete'], target: '/api/v1/tokens/absent' },
  'POST api-token-password': {
    needs: ['manage_write'],
    target: '/api/v1/tokens/absent/passwords/password1',
    body: '?',
  },
  'DELETE api-token-password': {
    needs: ['manage_delete'],
    target: '/api/v1/tokens/absent/passwords/password1',
  },
  'GET api-permissions': { needs: ['manage_read'], target: '/api/v1/permissions' },
  'GET api-gc': { needs: ['manage_read'], target: '/api/v1/gc' },
  'POST api-retention': { needs: ['manage_delete'], target: '/api/v1/retention' },
  'GET api-retention-preview': { needs: ['manage_read'], target: '/api/v1/retention/preview' },
  'GET api-usage': { needs: ['manage_read'], target: '/api/v1/usage' },
  'POST api-usage': { needs: ['manage_write'], target: '/api/v1/usage' },
  'GET api-usage-of-repository': { needs: ['manage_read'], target: '/api/v1/usage/team%2Fapp' },
  'GET api-backups': { needs: ['manage_read'], target: '/api/v1/backups' },
  'POST api-backups': { needs: ['manage_write'], target: '/api/v1/backups' },
  'POST api-restore': { needs: ['manage_delete'], target: '/api/v1/restore' },
  'POST api-rebuild': { needs: ['manage_delete'], target: '/api/v1/rebuild-index' },
  'POST api-gc': { needs: ['manage_delete'], target: '/api/v1/gc' },
  'GET api-storage-audit': { needs: ['manage_read'], target: '/api/v1/storage-audit' },
  'POST api-storage-audit': { needs: ['manage_delete'], target: '/api/v1/storage-audit' },
  'GET api-health': { needs: ['manage_read'], target: '/api/v1/health' },
  'GET api-openapi': { needs: 'open', target: '/api/v1/openapi.json' },
  'GET search-ping': { needs: 'open', target: '/v1/_ping' },
  'GET search': { needs: 'anyone', target: '/v1/search?q=app' },
  'GET jwks': { needs: 'open', target: '/.well-known/jwks.json' },
  'GET health': { needs: 'open', target: '/healthz' },
  'HEAD health': { needs: 'open', target: '/healthz' },
  'GET home': { needs: 'open', target: '/' },
  'HEAD home': { needs: 'open', target: '/' },
};
