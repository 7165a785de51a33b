import { expect } from 'vitest';
import { sendJson } from '../api/api-client.ts';
import type { Client } from '../http/client.ts';

/** Makes this the registry's policy. The instance that is asked keeps to it at once. */
export async function putPolicy(client: Client, policy: object): Promise<void> {
  const answer = await sendJson(client, 'PUT', 'policy', policy, { 'If-Match': '*' });
  expect(answer.status, answer.body.toString()).toBe(200);
}
