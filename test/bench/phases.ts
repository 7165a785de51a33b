/** The comparisons, each on one subject with fresh data. */
import { downloadDirectly, stage, tableReadsPerSecond } from './ceilings.ts';
import { Connection, type RequestHeaders, writeRequest } from './connection.ts';
import {
  digestOf,
  imagesPerSecond,
  type PushPlan,
  pushImage,
  putManifest,
  smallImage,
} from './images.ts';
import { MiB, pull, pushByPatch, pushByPut, randomLayer } from './layers.ts';
import type { LineName } from './lines.ts';
import { forEachNumber, requestsPerSecond } from './load.ts';
import type { Results } from './results.ts';
import type { Subject } from './subjects.ts';

export interface Sizes {
  readonly rounds: number;
  readonly secondsPerLine: number;
  readonly tags: number;
  readonly images: number;
  readonly layerMiB: number;
}

export type Compared = 'peer' | 'lighter';
export type Phase = (
  subject: Subject,
  side: Compared,
  sizes: Sizes,
  results: Results,
) => Promise<void>;

export const phases: Readonly<Record<string, Phase>> = {
  reads,
  'pushes-shared': pushes('pushShared', { repositories: 'one', configs: 'shared' }),
  'pushes-own': pushes('pushOwn', { repositories: 'one', configs: 'own' }),
  'pushes-many': pushes('pushMany', { repositories: 'each its own', configs: 'own' }),
  layers,
};

const readConcurrency = 32;

async function reads(
  subject: Subject,
  side: Compared,
  sizes: Sizes,
  results: Results,
): Promise<void> {
  const repository = 'bench/reads';
  const headers = await subject.headers(repository);
  const image = smallImage();
  const tags = Array.from({ length: sizes.tags }, (_, index) => `v${index}`);
  await pushTags(subject, repository, tags, image, headers);
  const reading = { ...headers, accept: 'application/vnd.oci.image.manifest.v1+json' };

  const { secondsPerLine: seconds } = sizes;
  async function measure(
    line: LineName,
    method: string,
    paths: readonly string[],
    concurrency = readConcurrency,
  ): Promise<void> {
    const requests = paths.map((path) =>
      writeRequest(method, `/v2/${repository}/${path}`, reading),
    );
    const rate = await requestsPerSecond({
      port: subject.port,
      concurrency,
      seconds,
      request: (index) => requests[index % requests.length] ?? new Uint8Array(),
    });
    results.add(line, side, rate);
  }
  const manifests = tags.map((tag) => `manifests/${tag}`);
  await measure('headTag', 'HEAD', manifests);
  await measure('headOneTag', 'HEAD', manifests.slice(0, 1));
  await measure('getTag', 'GET', manifests);
  await measure('getOneTag', 'GET', manifests.slice(0, 1));
  await measure('headBlob', 'HEAD', [`blobs/${digestOf(image.layer)}`]);
  await measure('listTags', 'GET', ['tags/list?n=1000'], 8);

  if (side === 'peer') return;
  const load = { concurrency: readConcurrency, seconds };
  const ofMany = await tableReadsPerSecond(subject.storage, repository, tags, load);
  const ofOne = await tableReadsPerSecond(subject.storage, repository, tags.slice(0, 1), load);
  for (const line of ['headTag', 'getTag'] as const) results.add(line, 'storage', ofMany);
  for (const line of ['headOneTag', 'getOneTag'] as const) results.add(line, 'storage', ofOne);
}

async function pushTags(
  subject: Subject,
  repository: string,
  tags: readonly string[],
  image: ReturnType<typeof smallImage>,
  headers: RequestHeaders,
): Promise<void> {
  const connections = Array.from({ length: 8 }, () => new Connection(subject.port));
  const first = new Connection(subject.port);
  await pushImage(first, repository, 'latest', image, headers);
  first.close();
  await forEachNumber(tags.length, connections.length, async (index, worker) => {
    const [connection = first, tag = ''] = [connections[worker], tags[index]];
    await putManifest(connection, repository, tag, image.manifest, headers);
  });
  for (const connection of connections) connection.close();
}

function pushes(line: LineName, plan: Pick<PushPlan, 'repositories' | 'configs'>): Phase {
  return async (subject, side, sizes, results) => {
    const rate = await imagesPerSecond(subject, { ...plan, images: sizes.images, concurrency: 20 });
    results.add(line, side, rate);
  };
}

async function layers(
  subject: Subject,
  side: Compared,
  { layerMiB }: Sizes,
  results: Results,
): Promise<void> {
  const repository = 'bench/layers';
  const megabytes = (layerMiB * MiB) / 1e6;
  const [byPatch, byPut, raw] = [1, 2, 3].map(() => randomLayer(layerMiB));
  if (!byPatch || !byPut || !raw) throw new TypeError('three layers are needed');
  // The first transfer pays for what is loaded and compiled at first use.
  await pushByPatch(subject, repository, randomLayer(Math.min(32, layerMiB)));

  results.add('pushPatch', side, megabytes / (await pushByPatch(subject, repository, byPatch)));
  results.add('pushPut', side, megabytes / (await pushByPut(subject, repository, byPut)));
  const pulled = await pull(subject, repository, byPatch);
  if (side === 'peer') return results.add('pull', side, megabytes / pulled.seconds);

  // Downloads are so short that one says little: the registry's and Azurite's take turns.
  for (let turn = 0; turn < 3; turn++) {
    const { seconds, path } = await pull(subject, repository, byPatch);
    results.add('pull', side, megabytes / seconds);
    const direct = await downloadDirectly(subject.storage, path, byPatch);
    results.add('pull', 'storage', megabytes / direct);
  }
  const plain = await stage(subject.storage, raw, false);
  const withMd5 = await stage(subject.storage, raw, true);
  for (const line of ['pushPatch', 'pushPut'] as const) {
    results.add(line, 'storage', megabytes / Math.min(plain, withMd5));
  }
}
