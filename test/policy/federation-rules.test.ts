import { describe, expect, test } from 'vitest';
import { parsePolicy } from '../../shared/policy/policy-document.ts';

const rule = (changed: object = {}) => ({
  name: 'github',
  issuer: 'https://token.actions.githubusercontent.com',
  audience: 'registry.example.com',
  claims: { repository: 'org/app' },
  rules: [{ repositories: ['team/*'], actions: ['content/read'] }],
  ...changed,
});

const rsa = { kty: 'RSA', n: 'A'.repeat(342), e: 'AQAB', kid: 'a' };

function problemsAt(changed: object): string[] {
  const parsed = parsePolicy({ federation: [rule(changed)] });
  return 'problems' in parsed ? parsed.problems.map(({ at }) => at) : [];
}

describe('a federation rule', () => {
  test.each<[string, object]>([
    ['as documented', {}],
    ['with an issuer that has a path and a slash at its end', { issuer: 'https://a.example/b/' }],
    ['with several alternatives', { claims: { ref: ['a', 'b*'], actor: '*' } }],
    ['with keys of its own', { jwks: { keys: [rsa] } }],
    ['with an Ed25519 key', { jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA' }] } }],
  ])('%s is taken', (_what, changed) => {
    expect(problemsAt(changed)).toEqual([]);
  });

  test.each<[string, object, string]>([
    ['an issuer over http', { issuer: 'http://a.example' }, 'issuer'],
    ['a pattern of issuers', { issuer: 'https://*.example' }, 'issuer'],
    ['an issuer with a password', { issuer: 'https://a:b@a.example' }, 'issuer'],
    ['an issuer with a query', { issuer: 'https://a.example?b' }, 'issuer'],
    ['no audience', { audience: '' }, 'audience'],
    ['no claims', { claims: {} }, 'claims'],
    ['claims that ask nothing', { claims: { sub: '*', actor: ['**', '*'] } }, 'claims'],
    ['claims of which one alternative asks nothing', { claims: { sub: ['a', '*'] } }, 'claims'],
    ['no rights', { rules: [] }, 'rules'],
    ['a token age of more than a day', { maxTokenAgeSeconds: 86_401 }, 'maxTokenAgeSeconds'],
    ['a private key', { jwks: { keys: [{ ...rsa, d: 'AAAA' }] } }, 'jwks/keys/0'],
    ['a weak key', { jwks: { keys: [{ ...rsa, n: 'A'.repeat(171) }] } }, 'jwks/keys/0'],
    ['a symmetric key', { jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } }, 'jwks/keys/0/kty'],
    ['a key to encrypt with', { jwks: { keys: [{ ...rsa, use: 'enc' }] } }, 'jwks/keys/0'],
    [
      'an unknown curve',
      { jwks: { keys: [{ kty: 'EC', crv: 'secp256k1', x: 'A', y: 'A' }] } },
      'jwks/keys/0',
    ],
    ['no key', { jwks: { keys: [] } }, 'jwks/keys'],
    ['a name that looks like an object id', { name: crypto.randomUUID() }, 'name'],
  ])('with %s is refused, and told where', (_what, changed, at) => {
    expect(problemsAt(changed)).toContain(`/federation/0/${at}`);
  });
});
