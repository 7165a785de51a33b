import {
  type ArtifactManifestProperties,
  type ArtifactTagProperties,
  ContainerRegistryClient,
  ContainerRegistryContentClient,
} from '@azure/container-registry';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Client, digestOf, image, index, json, types } from '../http/client.ts';
import { acrLogin } from './acr-cli.ts';
import { type EntraRegistry, owner, startEntraRegistry, stranger } from './entra-registry.ts';

/*
 * Azure's own SDK as it is, over HTTPS, signed in by Entra: the token of a user is exchanged at
 * /oauth2/exchange, and the user's roles decide.
 */

const repository = 'team/app';
const config = JSON.stringify({ architecture: 'amd64', os: 'linux' });

let registry: EntraRegistry;
let admin: Client;
let sdk: ContainerRegistryClient;
const digests: string[] = [];
let indexDigest: string;

beforeAll(async () => {
  registry = await startEntraRegistry();
  admin = new Client(registry.lighter.url);
  sdk = new ContainerRegistryClient(registry.front.url, credentialOf(owner), trusting());
  await pushImages();
});
afterAll(() => registry.stop());

/** As `DefaultAzureCredential` would give it. */
const credentialOf = (objectId: string) => ({
  getToken: async () => ({
    token: await registry.tokenOf(objectId),
    expiresOnTimestamp: Date.now() + 3_600_000,
  }),
});

const trusting = () => ({ tlsOptions: { ca: registry.front.certificate } });

async function pushImages(): Promise<void> {
  const configDescriptor = await admin.blob(repository, config, types.config);
  for (const tag of ['v1', 'v2', 'v3']) {
    const layer = await admin.blob(repository, `layer of ${tag}`);
    const manifest = image({ config: configDescriptor, layers: [layer] });
    await admin.putManifest(repository, tag, manifest);
    digests.push(digestOf(json(manifest)));
  }
  const many = index(
    digests.map((digest, at) => ({
      mediaType: types.image,
      digest,
      size: 1,
      platform: { architecture: at === 0 ? 'amd64' : 'arm64', os: 'linux' },
    })),
  );
  indexDigest = digestOf(json(many));
  await admin.putManifest(repository, 'all', many);
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe('@azure/container-registry', () => {
  test('lists repositories, in pages', async () => {
    await admin.pushImage('other', 'x');
    const pages = await all(sdk.listRepositoryNames().byPage({ maxPageSize: 1 }));
    expect(pages.flat()).toEqual(['other', repository]);
    const asked = registry.front.asked.join('\n');
    expect(asked).toMatch(/^POST \/oauth2\/exchange\b/m);
    expect(asked).toMatch(/^POST \/oauth2\/token\b/m);
  });

  test('tells of a repository', async () => {
    const properties = await sdk.getRepository(repository).getProperties();
    expect(properties).toMatchObject({
      registryLoginServer: new URL(registry.front.url).host,
      name: repository,
      manifestCount: 4,
      tagCount: 4,
      canDelete: true,
      canWrite: true,
      canRead: true,
      canList: true,
    });
    expect(properties.createdOn).toBeInstanceOf(Date);
    expect(properties.lastUpdatedOn.getTime()).toBeGreaterThan(properties.createdOn.getTime());
    expect(registry.front.asked).toContain(`GET /acr/v1/team%2Fapp?api-version=2021-07-01`);
  });

  test.each([
    ['LastUpdatedOnDescending', 'timedesc'],
    ['LastUpdatedOnAscending', 'timeasc'],
  ] as const)('lists manifests %s, in pages', async (order, wire) => {
    const pages = await all(
      sdk.getRepository(repository).listManifestProperties({ order }).byPage({ maxPageSize: 3 }),
    );
    const manifests: ArtifactManifestProperties[] = pages.flat();
    const inTime = [...digests, indexDigest];
    expect(manifests.map(({ digest }) => digest)).toEqual(
      wire === 'timeasc' ? inTime : inTime.toReversed(),
    );
    expect(pages.map(({ length }) => length)).toEqual([3, 1]);
    expect(registry.front.asked.join('\n')).toContain(`orderby=${wire}`);
    expect(manifests.find(({ digest }) => digest === digests[0])).toMatchObject({
      repositoryName: repository,
      sizeInBytes: config.length + 'layer of v1'.length,
      architecture: 'amd64',
      operatingSystem: 'linux',
      tags: ['v1'],
      canDelete: true,
    });
  });

  test('tells of a manifest by tag and by digest, and of what an index has', async () => {
    const byTag = await sdk.getArtifact(repository, 'all').getManifestProperties();
    expect(byTag).toMatchObject({ digest: indexDigest, tags: ['all'] });
    expect(byTag.relatedArtifacts).toMatchObject([
      { digest: digests[0], architecture: 'amd64', operatingSystem: 'linux' },
      { digest: digests[1], architecture: 'arm64' },
      { digest: digests[2], architecture: 'arm64' },
    ]);
    const byDigest = await sdk.getArtifact(repository, digests[1] ?? '').getManifestProperties();
    expect(byDigest).toMatchObject({ digest: digests[1], tags: ['v2'] });
  });

  test('lists the tags, which it does not narrow to those of the image, in the order of time', async () => {
    await admin.putManifest(repository, 'again', await manifestOf('v1'));
    const artifact = sdk.getArtifact(repository, 'v1');
    const tags: ArtifactTagProperties[] = await all(
      artifact.listTagProperties({ order: 'LastUpdatedOnDescending' }),
    );
    expect(tags.map(({ name }) => name)).toEqual(['again', 'all', 'v3', 'v2', 'v1']);
    expect(tags[0]).toMatchObject({ digest: digests[0], repositoryName: repository });
    await artifact.deleteTag('again');
    const names = (await all(artifact.listTagProperties())).map(({ name }) => name);
    expect(names).toEqual(['all', 'v1', 'v2', 'v3']);
  });

  test('tells of a tag, locks it, and unlocks it', async () => {
    const artifact = sdk.getArtifact(repository, 'v2');
    expect(await artifact.getTagProperties('v2')).toMatchObject({
      name: 'v2',
      digest: digests[1],
      canWrite: true,
    });
    const locked = await artifact.updateTagProperties('v2', { canWrite: false, canDelete: false });
    expect(locked).toMatchObject({ canWrite: false, canDelete: false, canRead: true });
    await expect(artifact.deleteTag('v2')).rejects.toMatchObject({ statusCode: 405 });
    await expect(artifact.delete()).rejects.toMatchObject({ statusCode: 405 });
    await artifact.updateTagProperties('v2', { canWrite: true, canDelete: true });
    expect(await artifact.getTagProperties('v2')).toMatchObject({ canDelete: true });
  });

  test('locks and unlocks a manifest and a repository', async () => {
    const artifact = sdk.getArtifact(repository, 'v3');
    const locked = await artifact.updateManifestProperties({ canDelete: false });
    expect(locked).toMatchObject({ digest: digests[2], canDelete: false, canWrite: true });
    await expect(artifact.delete()).rejects.toMatchObject({ statusCode: 405 });
    await artifact.updateManifestProperties({ canDelete: true });
    const all = sdk.getRepository(repository);
    expect(await all.updateProperties({ canDelete: false })).toMatchObject({ canDelete: false });
    await expect(all.delete()).rejects.toMatchObject({ statusCode: 405 });
    expect(await all.updateProperties({ canDelete: true })).toMatchObject({ canDelete: true });
  });

  test('deletes an image, a tag, a repository; what is not there is fine', async () => {
    const doomed = await admin.pushImage('doomed', 'a');
    await admin.pushImage('doomed', 'b');
    await sdk.getArtifact('doomed', doomed).delete();
    await sdk.getArtifact('doomed', 'b').deleteTag('b');
    await sdk.getArtifact('doomed', 'b').deleteTag('b');
    await sdk.getRepository('doomed').delete();
    await sdk.getRepository('doomed').delete();
    await sdk.deleteRepository('doomed');
    await expect(sdk.getRepository('doomed').getProperties()).rejects.toMatchObject({
      statusCode: 404,
      message: expect.stringContaining('NAME_UNKNOWN'),
    });
  });

  test('pushes and pulls content', async () => {
    const content = new ContainerRegistryContentClient(
      registry.front.url,
      'content/app',
      credentialOf(owner),
      trusting(),
    );
    const { digest: layer } = await content.uploadBlob(Buffer.from('a layer'));
    const { digest: configDigest, sizeInBytes } = await content.uploadBlob(Buffer.from('{}'));
    const manifest = {
      schemaVersion: 2,
      config: { mediaType: types.config, digest: configDigest, size: sizeInBytes },
      layers: [{ mediaType: types.layer, digest: layer, size: 7 }],
    };
    const { digest } = await content.setManifest(manifest, { tag: 'x' });
    expect(await content.getManifest('x')).toMatchObject({ digest, mediaType: types.image });
    const chunks = await all((await content.downloadBlob(layer)).content);
    expect(Buffer.concat(chunks.map((chunk) => Buffer.from(chunk))).toString()).toBe('a layer');
    await content.deleteManifest(digest);
    await content.deleteBlob(layer);
  });

  test('without a role gets nothing', async () => {
    const { url } = registry.front;
    const powerless = new ContainerRegistryClient(url, credentialOf(stranger), trusting());
    const properties = powerless.getRepository(repository).getProperties();
    await expect(properties).rejects.toMatchObject({ statusCode: 401 });
  });
});

test('acr, given a refresh token as az acr login has it, lists and purges', async () => {
  const form = new URLSearchParams({
    grant_type: 'access_token',
    service: new URL(registry.front.url).host,
    access_token: await registry.tokenOf(owner),
  });
  const answer = await fetch(`${registry.lighter.url}/oauth2/exchange`, {
    method: 'POST',
    body: form,
  });
  const { refresh_token: refreshToken }: { refresh_token: string } = Object(await answer.json());
  const acr = await acrLogin(
    registry.lighter.url,
    '00000000-0000-0000-0000-000000000000',
    refreshToken,
  );
  await admin.pushImage('by-token', 'v1');
  expect((await acr.tagList('by-token')).map(({ name }) => name)).toEqual(['v1']);
  const filter = { repository: /^by-token$/, tag: /^v1$/ };
  const purged = await acr.purge({ filter, agoMs: 0, untagged: true });
  expect(purged).toMatchObject({ tags: ['by-token:v1'], skipped: [] });
  expect(purged.manifests).toHaveLength(1);
});

async function manifestOf(tag: string): Promise<Uint8Array> {
  const { body } = await admin.send('GET', `/v2/${repository}/manifests/${tag}`);
  return body;
}
