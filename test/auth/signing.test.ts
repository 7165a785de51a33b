import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { clientWithAccess } from '../http/access-token.ts';
import {
  type Client,
  descriptor,
  digestOf,
  expectProblem,
  header,
  image,
  index,
  json,
  types,
} from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';

const notation = 'application/vnd.cncf.notary.signature';
const repository = 'team/app';
const registry = registryOfFile();

let subject: string;
/** May pull and sign, as with the roles AcrPull and AcrImageSigner. */
let signer: Client;
/** May do nothing but sign, as with AcrImageSigner alone. */
let signerOnly: Client;

beforeAll(async () => {
  subject = await registry().client.pushImage(repository, 'v1');
  signer = await clientWithAccess(registry(), { [repository]: ['pull', 'sign'] });
  signerOnly = await clientWithAccess(registry(), { [repository]: ['sign'] });
});

const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 };

/** A signature as Notation pushes it, with blobs of its own. */
async function signatureBy(client: Client, of: string, fields: object = {}): Promise<object> {
  const envelope = randomBytes(64);
  await client.pushBlob(repository, '{}');
  await client.pushBlob(repository, envelope);
  return image({
    artifactType: notation,
    config: empty,
    layers: [descriptor(envelope, 'application/jose+json')],
    subject: { mediaType: types.image, digest: of, size: 3 },
    ...fields,
  });
}

const put = (client: Client, manifest: object, query = '') =>
  client.putManifest(repository, digestOf(json(manifest)) + query, manifest);

const asNone = { artifactType: undefined };

describe('who may sign and not push', () => {
  test.each([
    ['of Notation', {}],
    ['of Notation before artifactType', { ...asNone, config: { ...empty, mediaType: notation } }],
    ['of cosign', { artifactType: 'application/vnd.dev.cosign.artifact.sig.v1+json' }],
    ['of cosign 3', { artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }],
    [
      'in an older bundle',
      { artifactType: 'application/vnd.dev.sigstore.bundle+json;version=0.1' },
    ],
  ])('pushes a signature %s with its blobs, and it is listed', async (_what, fields) => {
    const manifest = await signatureBy(signerOnly, subject, fields);
    const answer = await put(signerOnly, manifest);
    expect(answer.status, answer.body.toString()).toBe(201);
    expect(header(answer, 'OCI-Subject')).toBe(subject);
    const listed = await registry().client.send('GET', `/v2/${repository}/referrers/${subject}`);
    expect(listed.body.toString()).toContain(digestOf(json(manifest)));
    expect((await put(signerOnly, manifest)).status).toBe(201);
  });

  test('uploads in chunks, sees how far it is, cancels, and asks whether a blob is there', async () => {
    const bytes = randomBytes(100);
    const location = await signerOnly.startUpload(repository);
    expect((await signerOnly.send('PATCH', location, { body: bytes })).status).toBe(202);
    expect((await signerOnly.send('GET', location)).status).toBe(204);
    const end = `${location}?digest=${digestOf(bytes)}`;
    expect((await signerOnly.send('PUT', end)).status).toBe(201);
    const blob = `/v2/${repository}/blobs/${digestOf(bytes)}`;
    expect((await signerOnly.send('HEAD', blob)).status).toBe(200);
    expectProblem(await signerOnly.send('GET', blob), 401, 'UNAUTHORIZED');
    const other = await signerOnly.startUpload(repository);
    expect((await signerOnly.send('DELETE', other)).status).toBe(204);
  });

  test('is told to ask for pull and push where the token does not do', async () => {
    const answer = await (
      await clientWithAccess(registry(), {})
    ).send('POST', `/v2/${repository}/blobs/uploads/`);
    expect(header(answer, 'WWW-Authenticate')).toContain(
      `scope="repository:${repository}:pull,push"`,
    );
  });

  test.each([
    ['under a tag', (manifest: object) => signer.putManifest(repository, 'v1', manifest)],
    ['with a tag beside its digest', (manifest: object) => put(signer, manifest, '?tag=sig')],
  ])('puts no signature %s, and no tag moves', async (_what, send) => {
    const problem = expectProblem(await send(await signatureBy(signer, subject)), 403, 'DENIED');
    expect(problem.message).toContain('gets no tag');
    const { client } = registry();
    const tags = await client.send('GET', `/v2/${repository}/tags/list`);
    expect(JSON.parse(tags.body.toString())).toMatchObject({ tags: ['v1'] });
    const tagged = await client.send('HEAD', `/v2/${repository}/manifests/v1`);
    expect(header(tagged, 'Docker-Content-Digest')).toBe(subject);
  });

  test.each([
    ['an image', { artifactType: undefined, subject: undefined }, 'it has no subject'],
    ['a signature of nothing', { subject: undefined }, 'it has no subject'],
    ['an image with a subject', asNone, `it is of type ${empty.mediaType}`],
    ['an SBOM', { artifactType: 'application/spdx+json' }, 'it is of type application/spdx+json'],
    ['a type that only begins so', { artifactType: `${notation}.not` }, 'it is of type'],
    ['a type that only ends so', { artifactType: `x/y+${notation}` }, 'it is of type'],
  ])('pushes not %s', async (_what, fields, reason) => {
    const manifest = await signatureBy(signer, subject, fields);
    const problem = expectProblem(await put(signer, manifest), 403, 'DENIED');
    expect(problem.message).toContain(`a manifest must be a signature: ${reason}`);
    const stored = `/v2/${repository}/manifests/${digestOf(json(manifest))}`;
    expect((await signer.send('GET', stored)).status).toBe(404);
  });

  test('pushes no index, whatever it says of itself', async () => {
    const disguised = index([], { artifactType: notation, subject: descriptor('x', types.image) });
    const problem = expectProblem(await put(signer, disguised), 403, 'DENIED');
    expect(problem.message).toContain('it is of the kind index');
  });

  test('signs only what is there, in this repository', async () => {
    const elsewhere = await registry().client.pushImage('other/app', 'v1');
    for (const of of [elsewhere, digestOf('nothing')]) {
      const problem = expectProblem(
        await put(signer, await signatureBy(signer, of)),
        403,
        'DENIED',
      );
      expect(problem.message).toContain('the subject must be in the repository already');
    }
  });

  test('mounts nothing, be the blob there or not', async () => {
    const { client } = registry();
    const blob = await client.pushBlob('other/app', 'a layer of another repository');
    const wide = await clientWithAccess(registry(), {
      [repository]: ['sign'],
      'other/app': ['pull'],
    });
    for (const mount of [`${blob}&from=other/app`, `${digestOf('?')}&from=other/app`, blob]) {
      const target = `/v2/${repository}/blobs/uploads/?mount=${mount}`;
      const problem = expectProblem(await wide.send('POST', target), 403, 'DENIED');
      expect(problem.message).toBe('to mount a blob takes the right to push');
    }
  });

  test('neither deletes what it pushed nor pushes to another repository', async () => {
    const manifest = await signatureBy(signer, subject);
    expect((await put(signer, manifest)).status).toBe(201);
    const stored = `/v2/${repository}/manifests/${digestOf(json(manifest))}`;
    expectProblem(await signer.send('DELETE', stored), 401, 'UNAUTHORIZED');
    expectProblem(await signer.send('POST', '/v2/team/other/blobs/uploads/'), 401, 'UNAUTHORIZED');
  });

  test('does nothing in a repository that is locked against writing', async () => {
    const { client } = registry();
    await client.pushImage('team/locked', 'v1');
    const body = JSON.stringify({ writeEnabled: false });
    expect((await client.send('PATCH', '/acr/v1/team/locked', { body })).status).toBe(200);
    const one = await clientWithAccess(registry(), { 'team/locked': ['sign'] });
    expectProblem(await one.send('POST', '/v2/team/locked/blobs/uploads/'), 405, 'DENIED');
  });
});

test('who may push is bound by none of this', async () => {
  const pusher = await clientWithAccess(registry(), { [repository]: ['pull', 'push'] });
  const manifest = await signatureBy(pusher, digestOf('a subject to come'));
  expect((await pusher.putManifest(repository, 'sig', manifest)).status).toBe(201);
});

test('while its subject is deleted, a signature gets in before or not at all', async () => {
  const { client } = registry();
  for (let round = 0; round < 10; round++) {
    const doomed = await client.pushImage(repository, 'doomed');
    const manifest = await signatureBy(signer, doomed);
    const target = `/v2/${repository}/manifests/${doomed}`;
    const [deleted, signed] = await Promise.all([
      client.send('DELETE', target),
      put(signer, manifest),
    ]);
    expect(deleted.status).toBe(202);
    expect([201, 403], signed.body.toString()).toContain(signed.status);
    expectProblem(await put(signer, manifest), 403, 'DENIED');
  }
});
