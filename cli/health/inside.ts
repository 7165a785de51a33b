import * as v from 'valibot';
import { CliError, exitCodes } from '../cli-error.ts';
import { managementScope, type RegistryClient } from '../client/registry-client.ts';
import type { HealthCheck } from './connection.ts';

const health = v.looseObject({
  checks: v.array(
    v.looseObject({
      name: v.string(),
      ok: v.boolean(),
      message: v.string(),
      milliseconds: v.optional(v.number()),
    }),
  ),
});

/** What the registry says of itself; who may not ask learns only whether storage answers it. */
export async function checkInside(client: RegistryClient): Promise<HealthCheck[]> {
  try {
    const { value } = await client.json('/api/v1/health', managementScope, health);
    return value.checks;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    if (error.exitCode !== exitCodes.denied) {
      return [{ name: 'health', ok: false, message: error.message }];
    }
    const { status } = await client.send('/healthz', {});
    const message = `/healthz answers ${status}; more is shown to who may manage the registry`;
    return [{ name: 'health', ok: status === 200, message }];
  }
}
