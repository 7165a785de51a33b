import { randomUUID } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { connectArm } from '../../../shared/adapters/arm.ts';
import { systemClock } from '../../../shared/ports/clock.ts';
import { RolesUnavailable } from '../../../shared/ports/role-assignments.ts';
import { startTestArm } from './arm-stand-in.ts';
import { resourceId } from './judging.ts';

test('an app whose managed identity gives no token asks nothing and knows nobody’s roles', async () => {
  const arm = await startTestArm(resourceId, []);
  vi.stubEnv('IDENTITY_ENDPOINT', 'http://127.0.0.1:1/msi/token');
  vi.stubEnv('IDENTITY_HEADER', 'x');
  const limits = { tries: 2, firstDelayMs: 5, tryTimeoutMs: 300, deadlineMs: 2_000 };
  const config = { resourceId, armEndpoint: arm.endpoint, clientId: undefined };
  try {
    const asked = connectArm(config, systemClock, limits).assignedTo(randomUUID());
    await expect(asked).rejects.toThrow(RolesUnavailable);
    expect(arm.asked).toEqual([]);
  } finally {
    vi.unstubAllEnvs();
    await arm.stop();
  }
});
