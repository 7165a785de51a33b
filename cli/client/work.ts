import type * as v from 'valibot';
import { type JsonAnswer, managementScope, type RegistryClient } from './registry-client.ts';

/** The registry gives a run two and a half minutes. */
const workTimeoutMs = 220_000;

/** The report of a run now or, with `last`, of the last one. */
export function reportOfWork<Schema extends v.GenericSchema>(
  client: RegistryClient,
  path: string,
  schema: Schema,
  { dryRun, last }: { readonly dryRun: boolean; readonly last: boolean },
): Promise<JsonAnswer<v.InferOutput<Schema>>> {
  if (last) return client.json(path, managementScope, schema);
  const request = { method: 'POST', body: { dryRun }, timeoutMs: workTimeoutMs } as const;
  return client.json(path, managementScope, schema, request);
}
