import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as v from 'valibot';
import { CliError } from '../cli-error.ts';

const descriptor = v.looseObject({ mediaType: v.string(), digest: v.string(), size: v.number() });
const index = v.looseObject({ manifests: v.array(descriptor) });
const manifest = v.looseObject({ config: descriptor, layers: v.array(descriptor) });

/** Sends requests to a registry, signed in for pushing to the repository. */
export type Send = (path: string, init: RequestInit) => Promise<Response>;

/**
 * Pushes the image of an OCI image layout (image-layout.md) under a tag; blobs that are there are
 * not sent again. Layers stream: none is held in memory. Throws a CliError.
 */
export async function pushLayout(
  send: Send,
  folder: string,
  repository: string,
  tag: string,
): Promise<void> {
  const [image] = v.parse(
    index,
    JSON.parse(await readFile(join(folder, 'index.json'), 'utf8')),
  ).manifests;
  if (image === undefined) throw new CliError(`${folder} has no image`);
  const bytes = await readFile(blobPath(folder, image.digest));
  const { config, layers } = v.parse(manifest, JSON.parse(bytes.toString()));
  for (const { digest } of [...layers, config]) await pushBlob(send, folder, repository, digest);
  await expectStatus(
    [201],
    await send(`/v2/${repository}/manifests/${tag}`, {
      method: 'PUT',
      headers: { 'content-type': image.mediaType },
      body: bytes,
    }),
  );
}

const blobPath = (folder: string, digest: string) => join(folder, 'blobs', ...digest.split(':'));

async function pushBlob(send: Send, folder: string, repository: string, digest: string) {
  const { status } = await send(`/v2/${repository}/blobs/${digest}`, { method: 'HEAD' });
  if (status === 200 || status === 307) return;
  const begun = await send(`/v2/${repository}/blobs/uploads/`, { method: 'POST' });
  await expectStatus([202], begun);
  const location = begun.headers.get('location') ?? '';
  const sent = await send(location, {
    method: 'PATCH',
    headers: { 'content-type': 'application/octet-stream' },
    body: Readable.toWeb(createReadStream(blobPath(folder, digest))),
    duplex: 'half',
  });
  await expectStatus([202], sent);
  const end = sent.headers.get('location') ?? location;
  const separator = end.includes('?') ? '&' : '?';
  const ended = await send(`${end}${separator}digest=${digest}`, { method: 'PUT' });
  await expectStatus([201], ended);
}

async function expectStatus(expected: readonly number[], response: Response): Promise<void> {
  const text = await response.text();
  if (expected.includes(response.status)) return;
  throw new CliError(`the registry answers ${response.status}: ${text.slice(0, 200)}`);
}
