import { parsePolicy, type PolicyDocument } from '../../../shared/policy/policy-document.ts';
import type { TableStore } from '../../../shared/ports/table-store.ts';

export function policyOf(json: unknown): PolicyDocument {
  const parsed = parsePolicy(json);
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems));
  return parsed.policy;
}

/** Takes away the policy and all repository tokens. */
export async function clearSettings(tables: TableStore): Promise<void> {
  for (const partition of ['policy', 'tokens', 'token-use']) {
    for (const { rowKey } of await tables.list('settings', partition, { from: '0', before: '{' })) {
      await tables.commit('settings', partition, [{ kind: 'delete', rowKey, etag: '*' }]);
    }
  }
}
