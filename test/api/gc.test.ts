import { expect, test } from 'vitest';
import { expectProblem, image } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { jsonOf, sendJson } from './api-client.ts';

const registry = registryOfFile();

interface Report {
  readonly finished: boolean;
  readonly dryRun: boolean;
  readonly startedAt: string;
  readonly repositoriesVisited: number;
}

test('garbage is collected when asked for, and the last report kept', async () => {
  const { client } = registry();
  const collect = async (body: object) => {
    const answer = await sendJson(client, 'POST', 'gc', body);
    expect(answer.status, answer.body.toString()).toBe(200);
    return jsonOf<Report>(answer);
  };
  const last = () => client.send('GET', '/api/v1/gc');

  await client.pushImage('team/app', 'latest');
  await client.putManifest('team/app', 'latest', image({ layers: [] }));
  expectProblem(await last(), 404, 'NAME_UNKNOWN');
  const dry = await collect({ dryRun: true });
  expect(dry).toMatchObject({ dryRun: true, finished: true, repositoriesVisited: 1 });
  expectProblem(await last(), 404, 'NAME_UNKNOWN');
  const swept = await collect({});
  expect(swept).toMatchObject({ dryRun: false, finished: true, repositoriesVisited: 1 });
  expect(jsonOf(await last())).toEqual(swept);
  await collect({ dryRun: true });
  expect(jsonOf(await last())).toEqual(swept);
});
