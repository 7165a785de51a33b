import { expect, it } from 'vitest';
import { startTestAzurite } from '../harness/azurite.ts';
import { startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter } from '../harness/lighter.ts';

it('/healthz says 503 after three seconds of silence from storage, and 200 again afterwards', async () => {
  const azurite = await startTestAzurite();
  const proxy = await startFaultProxy(azurite);
  const lighter = await startTestLighter({ azurite: { ...azurite, ...proxy } });
  const healthz = () => fetch(`${lighter.url}/healthz`);
  const before = (await healthz()).status;
  proxy.inject({ fault: { kind: 'hang' }, times: Infinity });
  const startedAt = performance.now();
  const { status, headers } = await healthz();
  const seconds = (performance.now() - startedAt) / 1000;
  const log = lighter.output();
  proxy.clear();
  const after = (await healthz()).status;
  await lighter.kill();
  await proxy.stop();
  await azurite.stop();
  expect([before, status, after]).toEqual([200, 503, 200]);
  expect(headers.get('retry-after')).toBe('1');
  expect(seconds).toBeGreaterThan(2.9);
  expect(seconds).toBeLessThan(6);
  expect(log).toContain('storage has not answered within 3 s');
});
