import { setTimeout as sleep } from 'node:timers/promises';
import { testAdminPassword } from '../harness/lighter.ts';
import type { Choice } from './choice.ts';
import type { Answer, Sent } from './instance-messages.ts';
import type { RandomRegistry } from './registry.ts';
import type { Repository } from './repository.ts';

/** What all clients of a run share. */
export interface Workload {
  readonly registry: RandomRegistry;
  readonly repositories: readonly Repository[];
  /** How long what a client was told exists stays, at least, in milliseconds. */
  readonly promisedMs: { readonly pushed: number; readonly seen: number };
  /** False when the run has had enough requests. */
  goesOn(): boolean;
  /** A number that only grows: shared layers come and go with it. */
  readonly progress: () => number;
}

/** A request of the admin to any instance. */
export async function requestAs(
  registry: RandomRegistry,
  choice: Choice,
  sent: Omit<Sent, 'headers'> & Partial<Pick<Sent, 'headers'>>,
): Promise<Answer | undefined> {
  const password = Buffer.from(`admin:${testAdminPassword}`).toString('base64');
  const headers = { authorization: `Basic ${password}`, ...sent.headers };
  return await registry.send(choice, { ...sent, headers });
}

/** As {@link requestAs}, and asked again where storage was too slow for it, as an operator would. */
export async function requestUntilServed(
  ...request: Parameters<typeof requestAs>
): Promise<Answer | undefined> {
  let answer = await requestAs(...request);
  for (let again = 0; again < 5 && answer?.status === 503; again++) {
    await sleep(500);
    answer = await requestAs(...request);
  }
  return answer;
}
