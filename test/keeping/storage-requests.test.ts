import { afterAll, beforeAll, expect, test } from 'vitest';
import { acrPath } from '../acr/acr-client.ts';
import { startTestAzurite, type TestAzurite } from '../harness/azurite.ts';
import { type FaultProxy, startFaultProxy } from '../harness/fault-proxy.ts';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';
import { type Answer, Client, image } from '../http/client.ts';
import { putPolicy } from './policy.ts';

/*
 * What soft delete, quarantine, deleted referrers and immutability cost in requests to storage, against
 * docs/storage.md, "Cost". The policy is read anew now and then, beside whatever request comes.
 */

let azurite: TestAzurite;
let proxy: FaultProxy;
let lighter: TestLighter;
let client: Client;

beforeAll(async () => {
  azurite = await startTestAzurite();
  proxy = await startFaultProxy(azurite);
  const storage = { ...azurite, blobUrl: proxy.blobUrl, tableUrl: proxy.tableUrl };
  lighter = await startTestLighter({ azurite: storage });
  client = new Client(lighter.url);
  await putPolicy(client, {
    softDelete: [{ repositories: ['soft', 'both'], retainDays: 1 }],
    quarantine: ['held'],
    deleteReferrers: ['both'],
    immutability: [{ repositories: ['fixed'] }],
  });
});
afterAll(async () => {
  await lighter.stop();
  await proxy.stop();
  await azurite.stop();
});

async function costOf(status: number, send: () => Promise<Answer>): Promise<number> {
  proxy.clear();
  const answer = await send();
  expect(answer.status, answer.body.toString()).toBe(status);
  return proxy.requests.filter(({ path }) => !path.startsWith('settings(')).length;
}

const at = (repository: string, reference: string) => `/v2/${repository}/manifests/${reference}`;

test('a soft delete costs 3, as a final one; a restore 5', async () => {
  const digest = await client.pushImage('soft', 'v1');
  expect(await costOf(202, () => client.send('DELETE', at('soft', digest)))).toBe(3);
  const restore = `/acr/v1/_deleted/soft/_manifests/${digest}`;
  expect(await costOf(200, () => client.send('POST', restore))).toBe(5);
});

test('a list of what can be restored costs 1', async () => {
  const list = '/acr/v1/_deleted/soft/_manifests';
  expect(await costOf(200, () => client.send('GET', list))).toBe(1);
});

test('with its referrers, 2 and 1 for the image and for each of them, and their deletions', async () => {
  const subject = await client.pushImage('both', 'v1');
  const of = { digest: subject, mediaType: 'application/vnd.oci.image.manifest.v1+json', size: 4 };
  await client.pushImage('both', 'sig', { subject: of });
  expect(await costOf(202, () => client.send('DELETE', at('both', subject)))).toBe(2 + 2 + 3 + 3);
});

test('a push into quarantine costs 3, a release 4 and 2 for its description', async () => {
  const digest = await client.pushImage('held', 'v1');
  const { body } = await client.send('GET', at('held', 'v1'));
  const other = Buffer.from(`${body.toString()} `);
  const put = () => client.putManifest('held', 'v2', new Uint8Array(other));
  expect(await costOf(201, put)).toBe(3);
  const release = () =>
    client.send('PATCH', acrPath('held', `/_manifests/${digest}`), {
      body: '{"quarantineState":"Passed"}',
    });
  await client.send('GET', acrPath('held', `/_manifests/${digest}`));
  expect(await costOf(200, release)).toBe(4 + 2);
});

test('pulls and lists cost as ever: 2, 1, 1', async () => {
  const digest = await client.pushImage('held', 'pulled');
  for (const reference of ['pulled', digest]) {
    const cost = await costOf(200, () => client.send('GET', at('held', reference)));
    expect(cost).toBe(reference === digest ? 1 : 2);
  }
  expect(await costOf(200, () => client.send('GET', '/v2/held/tags/list'))).toBe(1);
  expect(await costOf(200, () => client.send('GET', `/v2/held/referrers/${digest}`))).toBe(1);
  const pulled = await client.pushImage('soft', 'pulled');
  expect(await costOf(200, () => client.send('GET', at('soft', 'pulled')))).toBe(1);
  expect(await costOf(200, () => client.send('GET', at('soft', pulled)))).toBe(0);
});

test('a push of an immutable tag costs 3, a pull 1, as ever; a refusal the reads alone', async () => {
  const digest = await client.pushImage('fixed', 'v1');
  const { body } = await client.send('GET', at('fixed', 'v1'));
  const same = new Uint8Array(body);
  const other = new Uint8Array(Buffer.from(`${body.toString()} `));
  expect(await costOf(201, () => client.putManifest('fixed', 'v2', other))).toBe(3);
  expect(await costOf(201, () => client.putManifest('fixed', 'v1', same))).toBe(3);
  expect(await costOf(200, () => client.send('GET', at('fixed', 'v1')))).toBe(1);
  expect(await costOf(403, () => client.putManifest('fixed', 'v1', other))).toBe(2);
  expect(await costOf(403, () => client.send('DELETE', at('fixed', 'v1')))).toBe(1);
  expect(await costOf(403, () => client.send('DELETE', at('fixed', digest)))).toBe(2);
});

test('moving a tag whose rule was taken away costs a look at the policy more', async () => {
  await client.pushImage('fixed', 'freed');
  await putPolicy(client, {});
  const other = { ...image({ config: await client.blob('fixed', '{}'), layers: [] }), freed: true };
  expect(await costOf(201, () => client.putManifest('fixed', 'freed', other))).toBe(3);
  const looks = proxy.requests.filter(({ path }) => path.startsWith('settings('));
  expect(looks.map(({ kind }) => kind)).toEqual(['get']);
});
