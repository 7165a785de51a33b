import { type PolicyDocument, parsePolicy, policyDocument } from '../../policy/policy-document.ts';
import {
  maxPolicyBytes,
  PolicyUnreadable,
  policyBytes,
  type StoredPolicy,
} from '../../policy/policy-store.ts';
import { contended } from '../../registry/contention.ts';
import type { App } from '../app.ts';
import { documentTooLarge, type Problem, readJson } from '../json-request.ts';
import type { RegistryRequest } from '../message.ts';
import { changePolicy } from './change-policy.ts';
import { checkDocument } from './check-document.ts';
import { checkConditions, requireIfMatch } from './conditions.ts';

/**
 * Puts the document of a request in the place of the policy. `If-Match: *` replaces also what this
 * release cannot read. Throws UNSUPPORTED 428 without `If-Match`, 412 when the policy is not the
 * one it names, and what changePolicy throws.
 */
export async function replacePolicy(app: App, request: RegistryRequest): Promise<StoredPolicy> {
  requireIfMatch(request.headers);
  const document = checkDocument(policyDocument, await readJson(request));
  try {
    return await changePolicy(app, ({ etag }) => {
      checkConditions(request.headers, etag);
      return document;
    });
  } catch (error) {
    const whatever = request.headers.get('if-match')?.trim() === '*';
    if (!whatever || !(error instanceof PolicyUnreadable)) throw error;
    return await overwrite(app, document);
  }
}

/**
 * All that is wrong with a document; nothing: it could be the policy. Throws what readJson throws.
 */
export async function policyProblems(request: RegistryRequest): Promise<readonly Problem[]> {
  const parsed = parsePolicy(await readJson(request));
  if ('problems' in parsed) return parsed.problems;
  const tooLarge = policyBytes(parsed.policy).byteLength > maxPolicyBytes;
  return tooLarge ? [{ at: '', problem: documentTooLarge(maxPolicyBytes).message }] : [];
}

async function overwrite({ authority }: App, document: PolicyDocument): Promise<StoredPolicy> {
  const outcome = await authority.policy.overwrite(document);
  if (outcome === 'too-large') throw documentTooLarge(maxPolicyBytes);
  if (outcome === 'changed-meanwhile') throw contended();
  return outcome;
}
