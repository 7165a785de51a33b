import { RegistryError } from '../../errors.ts';
import { type PolicyDocument, policyDocument } from '../../policy/policy-document.ts';
import { maxPolicyBytes, type StoredPolicy } from '../../policy/policy-store.ts';
import type { App } from '../app.ts';
import { documentTooLarge } from '../json-request.ts';
import { checkDocument } from './check-document.ts';

/**
 * Changes the policy as `change` says, of what is there now, and again when somebody else was
 * faster. Throws UNSUPPORTED 400 for a document that is not valid, 413 for one that is too large,
 * 409 for one that lacks a scope map that a token has; what `change` throws passes through.
 */
export async function changePolicy(
  app: App,
  change: (before: StoredPolicy) => PolicyDocument,
): Promise<StoredPolicy> {
  const outcome = await app.authority.policy.update(async (before) => {
    const after = checkDocument(policyDocument, change(before));
    await keepScopeMapsInUse(app, before.document, after);
    return after;
  });
  if (outcome === 'too-large') throw documentTooLarge(maxPolicyBytes);
  return outcome;
}

/** Who announces a map for a token after this look fences the policy: the change begins again. */
async function keepScopeMapsInUse(
  { authority }: App,
  before: PolicyDocument,
  after: PolicyDocument,
): Promise<void> {
  const names = ({ scopeMaps }: PolicyDocument) => scopeMaps.map(({ name }) => name.toLowerCase());
  const left = new Set(names(after));
  const gone = new Set(names(before).filter((name) => !left.has(name)));
  if (gone.size === 0) return;
  const tokens = await authority.repositoryTokens.holdersOf(gone);
  if (tokens.length === 0) return;
  throw new RegistryError('UNSUPPORTED', {
    status: 409,
    message: 'a scope map that a token has cannot be deleted',
    detail: { tokens },
  });
}
