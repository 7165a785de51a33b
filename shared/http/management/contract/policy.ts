import * as v from 'valibot';
import { federationRules } from '../../../policy/federation-rules.ts';
import { scopeMaps } from '../../../policy/scope-maps.ts';
import { described } from './values.ts';

export const problem = v.strictObject({
  at: described(v.string(), 'JSON pointer (RFC 6901) to what is wrong; empty: the document.'),
  problem: v.string(),
});

export const policyValidation = v.strictObject({
  valid: v.boolean(),
  problems: v.array(problem),
});

export const scopeMapList = v.strictObject({ scopeMaps });
export const federationList = v.strictObject({ federation: federationRules });
