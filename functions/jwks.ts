import type { RegistryResponse } from '../shared/http/message.ts';
import type { Call, RegistryRoute } from '../shared/http/route.ts';

/**
 * The public halves of the signing keys (RFC 7517), so that others can check the registry's tokens.
 */
export const jwksRoute: RegistryRoute = {
  name: 'jwks',
  scope: 'registry',
  templates: ['.well-known/jwks.json'],
  pattern: /^\/\.well-known\/jwks\.json$/,
  methods: { GET: { access: 'open', handle: publicKeys } },
};

async function publicKeys({ app }: Call): Promise<RegistryResponse> {
  const keys = await app.authority.keys.published();
  return {
    status: 200,
    // A new key is published 15 minutes before it signs, so a copy may be five minutes old.
    headers: { 'Content-Type': 'application/jwk-set+json', 'Cache-Control': 'public, max-age=300' },
    body: JSON.stringify({ keys }),
  };
}
