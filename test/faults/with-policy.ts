import { parsePolicy } from '../../shared/policy/policy-document.ts';
import type { Registry } from '../../shared/registry/registry.ts';

/** The same instance under that policy, which costs no request to storage. */
export function withPolicy(registry: Registry, document: object): Registry {
  const parsed = parsePolicy(document);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  const { policy } = parsed;
  return {
    ...registry,
    policy: {
      current: () => Promise.resolve(policy),
      inForce: () => Promise.resolve(policy),
      read: () => Promise.resolve({ document: policy, etag: '"test"' }),
    },
  };
}
