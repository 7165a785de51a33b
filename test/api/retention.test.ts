import { expect, test } from 'vitest';
import type { AuditLine } from '../../shared/http/audit.ts';
import { putPolicy } from '../keeping/policy.ts';
import { expectProblem } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { jsonOf, sendJson } from './api-client.ts';

const registry = registryOfFile();
const repository = 'team/app';

interface Item {
  readonly repository: string;
  readonly tag?: string;
  readonly rule: string;
}

test('retention is previewed and run, in all repositories or one, and leaves its lines', async () => {
  const { client, lighter } = registry();
  await putPolicy(client, {
    retention: [{ name: 'few', repositories: ['team/*'], tags: [{ keepNewest: 1 }] }],
  });
  const preview = (query = '') => client.send('GET', `/api/v1/retention/preview${query}`);
  for (const tag of ['a', 'b', 'c']) await client.pushImage(repository, tag);
  await client.pushImage('other/app', 'a');
  await client.pushImage('other/app', 'b');

  const planned = jsonOf<{ items: Item[] }>(await preview());
  expect(planned).toMatchObject({ dryRun: true, finished: true, tags: 2, manifests: 0 });
  expect(planned.items.map(({ tag }) => tag ?? '').toSorted(byText)).toEqual(['a', 'b']);
  expect(planned.items[0]).toMatchObject({ repository, rule: 'few', reason: 'tag' });
  expect(jsonOf(await preview('?repository=other/app'))).toMatchObject({ items: [] });
  expectProblem(await preview('?repository=Bad'), 400, 'NAME_INVALID');
  expectProblem(
    await sendJson(client, 'POST', 'retention', { repository: '' }),
    400,
    'NAME_INVALID',
  );

  const done = jsonOf<{ items: Item[] }>(await sendJson(client, 'POST', 'retention', {}));
  expect(done).toMatchObject({ dryRun: false, finished: true, tags: 2, kept: 0 });
  expect(jsonOf(await preview())).toMatchObject({ items: [] });
  const tags = await client.send('GET', `/v2/${repository}/tags/list`);
  expect(jsonOf(tags)).toMatchObject({ tags: ['c'] });

  const lines = lighter
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{"audit":"lighter"') && line.includes('"retention'))
    .map((line): Partial<AuditLine> => JSON.parse(line));
  const told = lines.map(({ event, principal, reference }) => [event, principal, reference]);
  expect(told[0]).toEqual(['retention.run', 'admin', undefined]);
  expect(told.slice(1).toSorted(byText)).toEqual([
    ['tag.delete', 'retention', 'a'],
    ['tag.delete', 'retention', 'b'],
  ]);
  expect(lines[1]).toMatchObject({ repository, rule: 'few', outcome: 'success' });
});

test('usage is counted when asked for, listed by page, and told of one repository', async () => {
  const { client } = registry();
  const usage = (rest: string) => client.send('GET', `/api/v1/usage${rest}`);
  expectProblem(await usage('/team%2Fnowhere'), 404, 'NAME_UNKNOWN');
  expectProblem(await usage('/Bad'), 400, 'NAME_INVALID');
  await client.pushImage('usage/app', 'latest');
  await client.send('GET', '/v2/usage/app/manifests/latest');
  const counted = await client.send('POST', '/api/v1/usage');
  expect(jsonOf(counted)).toMatchObject({ finished: true });
  const one = jsonOf(await usage('/usage%2Fapp'));
  expect(one).toMatchObject({ repository: 'usage/app', manifests: 1, tags: 1 });
  expect(jsonOf(await usage('/usage/app'))).toEqual(one);
  const page = await usage('?n=1');
  expect(page.headers.get('link')).toContain('rel="next"');
  expect(jsonOf(page)).toMatchObject({ repositories: [{ repository: 'other/app' }] });
  const rest = jsonOf<{ repositories: object[] }>(await usage('?n=10&last=other/app'));
  expect(rest.repositories).toHaveLength(2);
  expect(rest.repositories.at(-1)).toEqual(one);
});

function byText(one: unknown, other: unknown): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}
