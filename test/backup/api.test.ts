import { expect, test } from 'vitest';
import { jsonOf, sendJson } from '../api/api-client.ts';
import { digestOf, expectProblem } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { wipeTables } from './wipe-tables.ts';

const registry = registryOfFile();

interface State {
  readonly id: string;
  readonly finished: boolean;
}

test('a backup is taken and restored by the management API, the tables lost meanwhile', async () => {
  const { client, azurite, lighter } = registry();
  expectProblem(await sendJson(client, 'POST', 'backups', {}), 409, 'UNSUPPORTED');
  await lighter.runTimer('backup');
  expect(jsonOf(await client.send('GET', '/api/v1/backups'))).toEqual({ backups: [] });
  const policy = await client.send('GET', '/api/v1/policy');
  const etag = policy.headers.get('etag') ?? '';
  const changed = await sendJson(client, 'PUT', 'policy', { backup: {} }, { 'If-Match': etag });
  expect(changed.status).toBe(200);
  const digest = await client.pushImage('team/app', 'latest');

  const state = jsonOf<State>(await sendJson(client, 'POST', 'backups', {}));
  expect(state.finished).toBe(true);
  const again = jsonOf<State>(await sendJson(client, 'POST', 'backups', { backup: state.id }));
  expect(again).toMatchObject({ id: state.id, finished: true });
  const list = jsonOf<{ backups: State[] }>(await client.send('GET', '/api/v1/backups'));
  expect(list.backups.map(({ id }) => id)).toEqual([state.id]);

  expectProblem(await sendJson(client, 'POST', 'restore', { backup: 'no' }), 404, 'NAME_UNKNOWN');
  const alive = await sendJson(client, 'POST', 'restore', { backup: state.id });
  expectProblem(alive, 409, 'UNSUPPORTED');
  await wipeTables(azurite);
  const restored = await sendJson(client, 'POST', 'restore', { backup: state.id });
  expect(restored.status, restored.body.toString()).toBe(200);
  expect(jsonOf(restored)).toMatchObject({ finished: true, lostBlobs: 0, lostManifests: 0 });
  const pulled = await client.send('GET', '/v2/team/app/manifests/latest');
  expect(pulled.status).toBe(200);
  expect(digestOf(pulled.body)).toBe(digest);
  await lighter.runTimer('backup');
}, 60_000);
