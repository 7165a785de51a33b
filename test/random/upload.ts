import type { TestBlob } from '../faults/image.ts';
import { type ClientSession, direct } from './client-session.ts';
import type { Answer } from './instance-messages.ts';
import type { Repository } from './repository.ts';

export async function abandonUpload(client: ClientSession, repository: Repository): Promise<void> {
  const location = await startUpload(client, repository);
  if (location === undefined || client.choice.chance(0.3)) return;
  const { bytes } = client.someBlob();
  if (location.startsWith('http') && !location.startsWith('http://127.0.0.1:1/')) {
    await putBlock(location, bytes);
  } else {
    await patch(client, location, bytes, 0);
  }
}

/** DELETE of an upload, while its bytes are still on their way. */
export async function cancelUpload(client: ClientSession, repository: Repository): Promise<void> {
  const location = await startUpload(client, repository, {});
  if (location === undefined) return;
  const { bytes, digest } = client.someBlob();
  const path = new URL(location).pathname;
  const patched = patch(client, location, bytes, 0);
  const finished = client.choice.chance(0.5) ? finish(client, location, digest, bytes) : undefined;
  await client.request({ method: 'DELETE', path, headers: {} });
  await Promise.all([patched, finished]);
}

/** Whether the blob was just pushed, or only seen; undefined when neither is sure. */
export async function ensureBlob(
  client: ClientSession,
  repository: Repository,
  blob: TestBlob,
): Promise<'pushed' | 'seen' | undefined> {
  if (client.choice.chance(0.7)) {
    const head = await client.send('HEAD', `${repository.name}/blobs/${blob.digest}`);
    if (head?.status === 200) return 'seen';
  }
  if (client.choice.chance(0.5)) {
    const source = client.choice.of(client.workload.repositories).name;
    const from = client.choice.chance(0.7) ? `&from=${source}` : '';
    const mount = `${repository.name}/blobs/uploads/?mount=${blob.digest}${from}`;
    const answer = await client.send('POST', mount, { headers: {} });
    if (answer?.status === 201) return 'pushed';
  }
  const pushed = await pushBlob(client, repository, blob);
  return pushed ? 'pushed' : undefined;
}

/** False, too, when the bytes lie in storage and the manifest is to find them there. */
async function pushBlob(
  client: ClientSession,
  repository: Repository,
  { bytes, digest }: TestBlob,
): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt++) {
    const location = await startUpload(client, repository);
    if (location === undefined) continue;
    if (!location.startsWith('http://127.0.0.1:1/')) {
      if (await putBlock(location, bytes)) return false;
      continue;
    }
    const way = client.choice.weighted({ put: 4, patch: 4, chunks: 1, twice: 1 });
    const half = Math.floor(bytes.length / 2);
    if (way === 'patch') await patch(client, location, bytes, 0);
    if (way === 'chunks') {
      await patch(client, location, bytes.subarray(0, half), 0);
      await patch(client, location, bytes.subarray(half), half);
    }
    const body = way === 'put' || way === 'twice' ? bytes : undefined;
    const twin = way === 'twice' ? finish(client, location, digest, body) : undefined;
    const [done] = await Promise.all([finish(client, location, digest, body), twin]);
    if (done) return true;
  }
  return false;
}

/** The Location; on storage itself, when the registry sends this client there. */
async function startUpload(
  client: ClientSession,
  repository: Repository,
  headers: Readonly<Record<string, string>> = client.pushesDirect ? direct : {},
): Promise<string | undefined> {
  const answer = await client.send('POST', `${repository.name}/blobs/uploads/`, { headers });
  if (answer?.status !== 202) return undefined;
  return new URL(answer.headers['Location'] ?? '', 'http://127.0.0.1:1').href;
}

async function patch(
  client: ClientSession,
  location: string,
  bytes: Buffer,
  first: number,
): Promise<Answer | undefined> {
  const path = new URL(location).pathname;
  const range = { 'content-range': `${first}-${first + bytes.length - 1}` };
  const headers = client.choice.chance(0.5) ? range : {};
  return await client.request({ method: 'PATCH', path, headers, body: bytes.toString() });
}

async function finish(
  client: ClientSession,
  location: string,
  digest: string,
  bytes: Buffer | undefined,
): Promise<boolean> {
  const path = `${new URL(location).pathname}?digest=${digest}`;
  const body = bytes === undefined ? {} : { body: bytes.toString() };
  const answer = await client.request({ method: 'PUT', path, headers: {}, ...body });
  return answer?.status === 201;
}

/** Whether storage took the block; a client tries once and begins again. */
async function putBlock(url: string, bytes: Buffer): Promise<boolean> {
  try {
    const body = new Uint8Array(bytes);
    const response = await fetch(url, { method: 'PUT', body, signal: AbortSignal.timeout(5000) });
    await response.arrayBuffer();
    return response.status === 201;
  } catch {
    return false;
  }
}
