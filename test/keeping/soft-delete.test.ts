import { beforeAll, describe, expect, test } from 'vitest';
import { getJson, patch } from '../acr/acr-client.ts';
import { clientWithAccess } from '../http/access-token.ts';
import { type Client, digestOf, expectProblem, index, json, types } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { putPolicy } from './policy.ts';

const registry = registryOfFile();

interface Restoration {
  readonly restored: readonly { digest: string; tags: readonly string[] }[];
  readonly takenTags: readonly { tag: string; digest: string }[];
  readonly missing: readonly string[];
}

beforeAll(async () => {
  await putPolicy(registry().client, {
    softDelete: [{ repositories: ['soft/*'], retainDays: 3 }],
    deleteReferrers: ['soft/with-referrers', 'hard/with-referrers'],
  });
});

const manifestPath = (repository: string, reference: string) =>
  `/v2/${repository}/manifests/${reference}`;
const deletedPath = (repository: string, rest = '') =>
  `/acr/v1/_deleted/${repository}/_manifests${rest}`;

async function remove(client: Client, repository: string, digest: string): Promise<void> {
  const answer = await client.send('DELETE', manifestPath(repository, digest));
  expect(answer.status, answer.body.toString()).toBe(202);
}

async function restore(client: Client, repository: string, digest: string): Promise<Restoration> {
  const answer = await client.send('POST', deletedPath(repository, `/${digest}`));
  expect(answer.status, answer.body.toString()).toBe(200);
  return JSON.parse(answer.body.toString()) as Restoration;
}

async function statusOf(client: Client, repository: string, reference: string): Promise<number> {
  return (await client.send('GET', manifestPath(repository, reference))).status;
}

describe('a manifest that is deleted where deletions are soft', () => {
  test('is gone for everybody, and listed with its tags and until when it can be restored', async () => {
    const { client, lighter } = registry();
    const repository = 'soft/listed';
    const digest = await client.pushImage(repository, 'v1');
    await client.putManifest(repository, 'v2', (await pulled(client, repository, 'v1')).body);
    const { manifest: wanted } = await getJson<{ manifest: { imageSize: number } }>(
      client,
      `/acr/v1/${repository}/_manifests/${digest}`,
    );
    expect(wanted.imageSize).toBeGreaterThan(0);
    await remove(client, repository, digest);

    for (const reference of ['v1', 'v2', digest]) {
      expect(await statusOf(client, repository, reference)).toBe(404);
    }
    const list = await getJson<object>(client, deletedPath(repository));
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
    expect(list).toEqual({
      registry: lighter.host,
      imageName: repository,
      manifests: [
        {
          digest,
          mediaType: types.image,
          size: expect.any(Number),
          imageSize: wanted.imageSize,
          deletedAt: time,
          restorableUntil: time,
          tags: ['v1', 'v2'],
        },
      ],
    });
    const { manifests } = list as { manifests: { deletedAt: string; restorableUntil: string }[] };
    const [deleted] = manifests.map(
      (each) => Date.parse(each.restorableUntil) - Date.parse(each.deletedAt),
    );
    expect(deleted).toBe(3 * 24 * 3600 * 1000);
    const tags = await getJson<{ tags: object[] }>(client, `/acr/v1/_deleted/${repository}/_tags`);
    expect(tags.tags).toMatchObject([
      { name: 'v1', digest },
      { name: 'v2', digest },
    ]);
    const catalog = await getJson<{ repositories: object[] }>(client, '/acr/v1/_deleted/_catalog');
    expect(catalog.repositories).toContainEqual({
      repository,
      deletedAt: time,
      manifestCount: 1,
    });
  });

  test('comes back byte for byte with its tags, and pulls', async () => {
    const { client } = registry();
    const repository = 'soft/restored';
    const digest = await client.pushImage(repository, 'v1');
    const before = await pulled(client, repository, 'v1');
    await remove(client, repository, digest);

    expect(await restore(client, repository, digest)).toMatchObject({
      restored: [{ digest, tags: ['v1'] }],
      takenTags: [],
      missing: [],
    });
    const after = await pulled(client, repository, 'v1');
    expect(after.status).toBe(200);
    expect(after.body.equals(before.body)).toBe(true);
    const { layers } = JSON.parse(after.body.toString()) as { layers: { digest: string }[] };
    const layer = await client.send('GET', `/v2/${repository}/blobs/${layers[0]?.digest}`);
    expect(layer.status).toBe(200);
    expect(await getJson(client, deletedPath(repository))).toMatchObject({ manifests: null });
  });

  test('does not take a tag back that points elsewhere by then, and says so', async () => {
    const { client } = registry();
    const repository = 'soft/taken';
    const digest = await client.pushImage(repository, 'v1');
    await client.putManifest(repository, 'v2', (await pulled(client, repository, 'v1')).body);
    await remove(client, repository, digest);
    const other = await client.pushImage(repository, 'v1');

    expect(await restore(client, repository, digest)).toMatchObject({
      restored: [{ digest, tags: ['v2'] }],
      takenTags: [{ tag: 'v1', digest: other }],
    });
    expect((await pulled(client, repository, 'v1')).headers.get('docker-content-digest')).toBe(
      other,
    );
  });

  test('with more tags than one transaction holds comes back with all of them', async () => {
    const { client } = registry();
    const repository = 'soft/many-tags';
    const tags = Array.from({ length: 95 }, (_, at) => `tag-${String(at).padStart(2, '0')}`);
    const digest = await client.pushImage(repository, 'tag-00');
    const query = tags.map((tag) => `tag=${tag}`).join('&');
    const { body } = await pulled(client, repository, 'tag-00');
    expect((await client.putManifest(repository, `${digest}?${query}`, body)).status).toBe(201);
    await remove(client, repository, digest);

    const { restored } = await restore(client, repository, digest);
    expect(restored).toHaveLength(1);
    expect(restored[0]?.tags.toSorted()).toEqual(tags);
    const list = await getJson<{ tags: string[] }>(client, `/v2/${repository}/tags/list`);
    expect(list.tags).toEqual(tags);
  });

  test('is revived by a push, under the tag of the push alone', async () => {
    const { client } = registry();
    const repository = 'soft/pushed';
    const digest = await client.pushImage(repository, 'v1');
    const { body } = await pulled(client, repository, 'v1');
    await remove(client, repository, digest);

    expect((await client.putManifest(repository, 'v3', body)).status).toBe(201);
    expect(await statusOf(client, repository, 'v3')).toBe(200);
    expect(await statusOf(client, repository, 'v1')).toBe(404);
    expect(await restore(client, repository, digest)).toMatchObject({ restored: [] });
    expect(await statusOf(client, repository, 'v1')).toBe(404);
  });

  test('keeps its layers from being deleted', async () => {
    const { client } = registry();
    const repository = 'soft/layers';
    const digest = await client.pushImage(repository, 'v1');
    const { body } = await pulled(client, repository, 'v1');
    const { layers } = JSON.parse(body.toString()) as { layers: { digest: string }[] };
    await remove(client, repository, digest);
    const answer = await client.send('DELETE', `/v2/${repository}/blobs/${layers[0]?.digest}`);
    expect(answer.status).toBe(405);
  });

  test('that is an index comes back with the manifests it names', async () => {
    const { client } = registry();
    const repository = 'soft/index';
    const children = await Promise.all(['a', 'b'].map((tag) => client.pushImage(repository, tag)));
    const kept = await client.pushImage(repository, 'kept');
    const absent = digestOf('never there');
    const many = index(
      [...children, kept, absent].map((digest) => ({ mediaType: types.image, digest, size: 4 })),
    );
    const digest = digestOf(json(many));
    expect((await client.putManifest(repository, 'multi', many)).status).toBe(201);
    for (const each of [digest, ...children]) await remove(client, repository, each);

    const { restored, missing } = await restore(client, repository, digest);
    expect(restored).toEqual([
      { digest: children[0], tags: ['a'] },
      { digest: children[1], tags: ['b'] },
      { digest, tags: ['multi'] },
    ]);
    expect(missing).toEqual([absent]);
    for (const tag of ['multi', 'a', 'b', 'kept']) {
      expect(await statusOf(client, repository, tag)).toBe(200);
    }
  });

  test('that is a referrer leaves its subject’s list, and comes back into it', async () => {
    const { client } = registry();
    const repository = 'soft/referrer';
    const subject = await client.pushImage(repository, 'v1');
    const referrer = await client.pushImage(repository, 'sig', {
      subject: { mediaType: types.image, digest: subject, size: 4 },
      artifactType: 'application/vnd.example.signature',
      annotations: { by: 'somebody' },
    });
    const referrers = async () => {
      const answer = await client.send('GET', `/v2/${repository}/referrers/${subject}`);
      return JSON.parse(answer.body.toString()) as { manifests: object[] };
    };
    const before = await referrers();
    expect(before.manifests).toHaveLength(1);
    await remove(client, repository, referrer);
    expect((await referrers()).manifests).toEqual([]);
    await restore(client, repository, referrer);
    expect(await referrers()).toEqual(before);
  });

  test('cannot be restored where it never was, or where deletions are final', async () => {
    const { client } = registry();
    const digest = await client.pushImage('hard/app', 'v1');
    await remove(client, 'hard/app', digest);
    for (const repository of ['hard/app', 'soft/none']) {
      const answer = await client.send('POST', deletedPath(repository, `/${digest}`));
      expectProblem(answer, 404, 'MANIFEST_UNKNOWN');
      expect(answer.body.toString()).toContain('too late to restore');
    }
  });

  test('stays where a lock keeps it', async () => {
    const { client } = registry();
    const digest = await client.pushImage('soft/locked', 'v1');
    await patch(client, `/acr/v1/soft/locked/_manifests/${digest}`, { deleteEnabled: false });
    const answer = await client.send('DELETE', manifestPath('soft/locked', digest));
    expectProblem(answer, 405, 'DENIED');
    expect(await statusOf(client, 'soft/locked', 'v1')).toBe(200);
  });

  test('comes back, too, when its repository was deleted as a whole', async () => {
    const { client } = registry();
    const repository = 'soft/whole';
    const digest = await client.pushImage(repository, 'v1');
    expect((await client.send('DELETE', `/acr/v1/${repository}`)).status).toBe(202);
    const catalog = () => getJson<{ repositories: string[] }>(client, '/v2/_catalog?n=1000');
    expect((await catalog()).repositories).not.toContain(repository);
    await restore(client, repository, digest);
    expect((await catalog()).repositories).toContain(repository);
    expect(await statusOf(client, repository, 'v1')).toBe(200);
  });

  test('is restored by who may push, and seen by who may read metadata', async () => {
    const { client } = registry();
    const repository = 'soft/rights';
    const digest = await client.pushImage(repository, 'v1');
    await remove(client, repository, digest);
    const reader = await clientWithAccess(registry(), {
      [repository]: ['pull', 'metadata_read', 'delete'],
    });
    expect((await reader.send('GET', deletedPath(repository))).status).toBe(200);
    expect((await reader.send('POST', deletedPath(repository, `/${digest}`))).status).toBe(401);
    const pusher = await clientWithAccess(registry(), { [repository]: ['pull', 'push'] });
    expect((await pusher.send('POST', deletedPath(repository, `/${digest}`))).status).toBe(200);
  });
});

describe('where a deleted image takes its referrers along', () => {
  async function signedImage(client: Client, repository: string) {
    const subject = await client.pushImage(repository, 'v1');
    const refer = (digest: string, tag: string) =>
      client.pushImage(repository, tag, { subject: { mediaType: types.image, digest, size: 4 } });
    const sbom = await refer(subject, 'sbom');
    const signature = await refer(sbom, 'signature-of-sbom');
    return { subject, sbom, signature };
  }

  test.each(['soft/with-referrers', 'hard/with-referrers'])(
    '%s: they go, recursively',
    async (repository) => {
      const { client } = registry();
      const { subject } = await signedImage(client, repository);
      await remove(client, repository, subject);
      for (const tag of ['v1', 'sbom', 'signature-of-sbom']) {
        expect(await statusOf(client, repository, tag)).toBe(404);
      }
    },
  );

  test('they come back with it, but not what was deleted by itself', async () => {
    const { client } = registry();
    const repository = 'soft/with-referrers';
    const { subject, sbom, signature } = await signedImage(client, repository);
    const alone = await client.pushImage(repository, 'alone', {
      subject: { mediaType: types.image, digest: subject, size: 4 },
    });
    await remove(client, repository, alone);
    await remove(client, repository, subject);
    const { restored } = await restore(client, repository, subject);
    expect(restored.map(({ digest }) => digest)).toEqual([subject, sbom, signature]);
    expect(await statusOf(client, repository, 'alone')).toBe(404);
  });

  test('a locked referrer stays', async () => {
    const { client } = registry();
    const repository = 'hard/with-referrers';
    const { subject, sbom } = await signedImage(client, repository);
    await patch(client, `/acr/v1/${repository}/_manifests/${sbom}`, { deleteEnabled: false });
    await remove(client, repository, subject);
    expect(await statusOf(client, repository, 'sbom')).toBe(200);
    expect(await statusOf(client, repository, 'v1')).toBe(404);
  });

  test('of an image that is locked nothing is deleted', async () => {
    const { client } = registry();
    const repository = 'soft/with-referrers';
    const { subject } = await signedImage(client, repository);
    await patch(client, `/acr/v1/${repository}/_tags/v1`, { writeEnabled: false });
    const answer = await client.send('DELETE', manifestPath(repository, subject));
    expectProblem(answer, 405, 'DENIED');
    expect(await statusOf(client, repository, 'sbom')).toBe(200);
    await patch(client, `/acr/v1/${repository}/_tags/v1`, { writeEnabled: true });
  });
});

function pulled(client: Client, repository: string, reference: string) {
  return client.send('GET', manifestPath(repository, reference));
}
