import type { TestManifest } from '../faults/image.ts';
import { type ClientSession, direct } from './client-session.ts';
import { digestsIn } from './digests.ts';
import type { Effect } from './history.ts';
import { blobNamed, imageOf, indexOf, type RandomImage } from './images.ts';
import type { Sent } from './instance-messages.ts';
import type { Repository } from './repository.ts';
import { ensureBlob } from './upload.ts';

export async function pushImage(client: ClientSession, repository: Repository): Promise<void> {
  const count = client.choice.chance(0.02) ? 60 : 1 + client.choice.integer(4);
  const blobs = Array.from({ length: count }, () => client.someBlob());
  const padding = client.choice.chance(0.03) ? { padding: 'x'.repeat(65_000) } : {};
  await push(client, repository, imageOf(blobs, { ...client.nonce(), ...padding }));
}

export async function pushReferrer(client: ClientSession, repository: Repository): Promise<void> {
  const known = repository.manifests;
  if (known.length === 0) return;
  const subject = client.choice.of(known);
  await push(client, repository, imageOf([blobNamed('{}', 2)], client.nonce(), subject));
}

export async function pushIndex(client: ClientSession, repository: Repository): Promise<void> {
  const children = client.choice.some(repository.manifests, 0.2);
  await push(client, repository, indexOf(children, client.nonce()));
}

/** The same manifest with other tags: some to move, some new, now and then very many. */
export async function retag(client: ClientSession, repository: Repository): Promise<void> {
  if (repository.images.length === 0) return;
  await push(client, repository, client.choice.of(repository.images));
}

/** As docker pushes: what is there is not sent, what was refused is tried again. */
async function push(
  client: ClientSession,
  repository: Repository,
  image: RandomImage,
): Promise<void> {
  const putTags = client.choice.chance(0.02)
    ? Array.from({ length: 25 }, (_, index) => `many-${index}`)
    : [
        ...client.choice.some(repository.tags, 1.5 / repository.tags.length),
        ...client.frozenTags(),
      ];
  const sinceMs = new Map<string, { readonly atMs: number; readonly promisedMs: number }>();
  for (let attempt = 0; attempt < 3 && client.workload.goesOn(); attempt++) {
    for (const blob of image.blobs) {
      const atMs = performance.now();
      const how = await ensureBlob(client, repository, blob);
      const promisedMs = how && client.workload.promisedMs[how];
      if (promisedMs !== undefined) sinceMs.set(blob.digest, { atMs, promisedMs });
    }
    const missing = await putManifest(client, repository, image, putTags);
    if (missing === undefined) return;
    const now = performance.now();
    for (const digest of missing) {
      const promise = sinceMs.get(digest);
      if (promise === undefined || now - promise.atMs > promise.promisedMs) continue;
      const lost = repository.mayHaveLost(digest, promise.atMs);
      client.check(lost, `K5 ${repository.name}@${digest} was promised and is gone`);
    }
  }
}

/** The digests that the registry says are missing; undefined when it said something else. */
async function putManifest(
  client: ClientSession,
  repository: Repository,
  image: RandomImage,
  putTags: readonly string[],
): Promise<readonly string[] | undefined> {
  const { manifest } = image;
  const [first, ...others] = putTags;
  const query = others.map((tag) => `tag=${tag}`).join('&');
  const path = `${repository.name}/manifests/${first ?? manifest.digest}${others.length > 0 ? `?${query}` : ''}`;
  const effect: Effect = { kind: 'put', digest: manifest.digest, tags: putTags };
  let missing: string[] | undefined;
  repository.remember(image);
  await client.write(repository, effect, async () => {
    const answer = await client.send('PUT', path, putOf(manifest));
    if (answer?.status === 404) missing = digestsIn(answer.body);
    return answer;
  });
  return missing;
}

function putOf({ bytes, mediaType }: TestManifest): Pick<Sent, 'headers' | 'body'> {
  return { headers: { ...direct, 'content-type': mediaType }, body: bytes.toString() };
}
