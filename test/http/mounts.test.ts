import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { clientWithAccess } from './access-token.ts';
import { type Answer, digestOf, expectProblem, header } from './client.ts';
import { registryOfFile } from './registry.ts';

const registry = registryOfFile();

const fresh = () => randomBytes(1000);
const mountTarget = (repository: string, digest: string, more = '') =>
  `/v2/${repository}/blobs/uploads/?mount=${digest}${more}`;

function expectMounted(answer: Answer, repository: string, digest: string): void {
  expect(answer.status).toBe(201);
  expect(header(answer, 'Location')).toBe(`/v2/${repository}/blobs/${digest}`);
  expect(header(answer, 'Docker-Content-Digest')).toBe(digest);
}

/** Not mounted, but a whole upload began, which takes the blob the long way. */
async function expectUpload(answer: Answer, repository: string, bytes: Uint8Array): Promise<void> {
  const { client } = registry();
  expect(answer.status).toBe(202);
  const digest = digestOf(bytes);
  const head = await client.send('HEAD', `/v2/${repository}/blobs/${digest}`);
  expect(head.status).toBe(404);
  const target = `${header(answer, 'Location')}?digest=${digest}`;
  expect((await client.send('PUT', target, { body: bytes })).status).toBe(201);
}

describe('end-11: a mount', () => {
  test('with from gives the repository the blob without its bytes being sent', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = await client.pushBlob('mount/source', bytes);
    const answer = await client.send('POST', mountTarget('mount/a', digest, '&from=mount/source'));
    expectMounted(answer, 'mount/a', digest);
    expect((await client.send('GET', `/v2/mount/a/blobs/${digest}`)).body).toEqual(bytes);
  });

  test('without from finds a repository that has it', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = await client.pushBlob('mount/source', bytes);
    const answer = await client.send('POST', mountTarget('mount/b', digest));
    expectMounted(answer, 'mount/b', digest);
    expect((await client.send('GET', `/v2/mount/b/blobs/${digest}`)).body).toEqual(bytes);
  });

  test('of a blob that was itself mounted holds when the first owner deletes it', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = await client.pushBlob('mount/first', bytes);
    await client.send('POST', mountTarget('mount/second', digest, '&from=mount/first'));
    await client.send('DELETE', `/v2/mount/first/blobs/${digest}`);
    const gone = await client.send('POST', mountTarget('mount/third', digest, '&from=mount/first'));
    expect(gone.status).toBe(202);
    const third = await client.send('POST', mountTarget('mount/third', digest));
    expectMounted(third, 'mount/third', digest);
    expect((await client.send('GET', `/v2/mount/third/blobs/${digest}`)).body).toEqual(bytes);
  });

  test('of a blob the repository has already succeeds, whatever from says', async () => {
    const { client } = registry();
    const digest = await client.pushBlob('mount/own', fresh());
    for (const from of ['', '&from=mount/own', '&from=mount/nowhere']) {
      expectMounted(
        await client.send('POST', mountTarget('mount/own', digest, from)),
        'mount/own',
        digest,
      );
    }
  });

  test('of a sha512 blob works too', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = digestOf(bytes, 'sha512');
    const target = `/v2/mount/source/blobs/uploads/?digest=${digest}`;
    await client.send('POST', target, { body: bytes });
    const answer = await client.send('POST', mountTarget('mount/c', digest, '&from=mount/source'));
    expectMounted(answer, 'mount/c', digest);
  });

  test.each([
    ['that no repository has', '&from=mount/source'],
    ['that no repository has, without from', ''],
    ['from a repository that does not exist', '&from=mount/nowhere'],
    ['from what is no repository name', '&from=Not%20A%20Name'],
  ])('of a blob %s begins an upload', async (_name, from) => {
    const bytes = fresh();
    const answer = await registry().client.send(
      'POST',
      mountTarget('mount/d', digestOf(bytes), from),
    );
    await expectUpload(answer, 'mount/d', bytes);
  });

  test('of a malformed digest is refused', async () => {
    const answer = await registry().client.send('POST', mountTarget('mount/e', 'sha256:abc'));
    expectProblem(answer, 400, 'DIGEST_INVALID');
  });

  test('made twenty times at once succeeds each time', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = await client.pushBlob('mount/source', bytes);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        client.send('POST', mountTarget('mount/many', digest, '&from=mount/source')),
      ),
    );
    for (const answer of answers) expectMounted(answer, 'mount/many', digest);
    expect((await client.send('GET', `/v2/mount/many/blobs/${digest}`)).body).toEqual(bytes);
  });
});

describe('end-11: the right to mount', () => {
  test.each([
    ['with from', '&from=secret/app'],
    ['without from', ''],
  ])(
    '%s, a repository the caller may not pull tells nothing and gives nothing',
    async (_, from) => {
      const bytes = fresh();
      const digest = await registry().client.pushBlob('secret/app', bytes);
      const stranger = await clientWithAccess(registry(), { 'open/app': ['pull', 'push'] });
      const answer = await stranger.send('POST', mountTarget('open/app', digest, from));
      await expectUpload(answer, 'open/app', bytes);
    },
  );

  test('without from, the right to pull one of the repositories is enough', async () => {
    const { client } = registry();
    const digest = await client.pushBlob('secret/one', fresh());
    await client.send('POST', mountTarget('shared/one', digest, '&from=secret/one'));
    const friend = await clientWithAccess(registry(), {
      'open/two': ['pull', 'push'],
      'shared/one': ['pull'],
    });
    expectMounted(await friend.send('POST', mountTarget('open/two', digest)), 'open/two', digest);
  });

  test('a repository that gave the blob up is no proof any more', async () => {
    const { client } = registry();
    const bytes = fresh();
    const digest = await client.pushBlob('given/up', bytes);
    await client.send('DELETE', `/v2/given/up/blobs/${digest}`);
    const friend = await clientWithAccess(registry(), {
      'open/three': ['pull', 'push'],
      'given/up': ['pull'],
    });
    await expectUpload(
      await friend.send('POST', mountTarget('open/three', digest)),
      'open/three',
      bytes,
    );
  });

  test('pushing to the target is needed', async () => {
    const { client } = registry();
    const digest = await client.pushBlob('mount/source', fresh());
    const puller = await clientWithAccess(registry(), { 'mount/*': ['pull'] });
    const answer = await puller.send('POST', mountTarget('mount/f', digest, '&from=mount/source'));
    expectProblem(answer, 401, 'UNAUTHORIZED');
    expect(header(answer, 'WWW-Authenticate')).toContain('scope="repository:mount/f:pull,push"');
  });
});
