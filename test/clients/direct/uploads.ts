import { ok, strictEqual } from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  BlobSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob';
import type { CuttingProxy, Mishap } from '../cutting-proxy.ts';
import type { Workbench } from '../workbench.ts';

interface LogLine {
  method: string;
  path: string;
  status: number;
}

/** The requests below a path of the registry, by its own log. */
export async function requestsTo({ registry }: Workbench, path: string): Promise<LogLine[]> {
  const lines = (await readFile(registry.logFile, 'utf8')).split('\n');
  return lines
    .filter((line) => line.includes(`"path":"${path}`))
    .map((line) => JSON.parse(line) as LogLine);
}

const uploadsOf = (bench: Workbench, repository: string): Promise<LogLine[]> =>
  requestsTo(bench, `/v2/${repository}/blobs/uploads/`);

/** How many uploads of the repository began; those that a mount spared are none. */
export async function begunUploads(bench: Workbench, repository: string): Promise<number> {
  const uploads = await uploadsOf(bench, repository);
  return uploads.filter(({ method, status }) => method === 'POST' && status === 202).length;
}

/**
 * Throws unless at least so many uploads of the repository began at the registry, and no byte of
 * them came there.
 */
export async function expectDirect(
  bench: Workbench,
  repository: string,
  blobs: number,
): Promise<void> {
  const begun = await begunUploads(bench, repository);
  ok(begun >= blobs, `${begun} uploads began, not ${blobs}`);
  const uploads = await uploadsOf(bench, repository);
  const others = uploads.filter(({ method }) => method !== 'POST');
  strictEqual(others.length, 0, `bytes came through the registry: ${JSON.stringify(others)}`);
}

/** Throws unless the push puts its bytes through the registry, and none into storage. */
export async function expectThrough(
  bench: Workbench,
  proxy: CuttingProxy,
  repository: string,
  push: () => Promise<unknown>,
): Promise<void> {
  const before = proxy.storedBytes();
  await push();
  const uploads = await uploadsOf(bench, repository);
  ok(uploads.some(({ method, status }) => method === 'PUT' && status === 201));
  strictEqual(proxy.storedBytes() - before, 0);
}

/** Throws unless the push begins no upload and puts no byte anywhere. */
export async function expectNoUpload(
  bench: Workbench,
  proxy: CuttingProxy,
  repository: string,
  push: () => Promise<unknown>,
): Promise<void> {
  const before = { bytes: proxy.storedBytes(), begun: await begunUploads(bench, repository) };
  await push();
  strictEqual((await begunUploads(bench, repository)) - before.begun, 0);
  strictEqual(proxy.storedBytes() - before.bytes, 0);
}

/** Throws unless the push fails while all its connections to storage are cut. */
export async function expectCut(proxy: CuttingProxy, push: () => Promise<unknown>): Promise<void> {
  proxy.always({ kind: 'cut', afterBytes: 0 });
  const failed = await push().then(
    () => false,
    () => true,
  );
  proxy.forgive();
  ok(failed, 'the push was not cut');
}

/** Storage gets the URL as it would be had it been signed twenty minutes ago. */
export function expired({ registry }: Workbench): Mishap {
  return {
    kind: 'query',
    async of(url) {
      const [, account = '', container = '', ...path] = url.pathname.split('/');
      const key = await readFile(join(dirname(registry.logFile), 'data/storage-key'), 'utf8');
      const sas = generateBlobSASQueryParameters(
        {
          containerName: container,
          blobName: path.join('/'),
          permissions: BlobSASPermissions.parse('w'),
          version: '2024-11-04',
          startsOn: new Date(Date.now() - 1_200_000),
          expiresOn: new Date(Date.now() - 300_000),
        },
        new StorageSharedKeyCredential(account, key.trim()),
      );
      return `?comp=block&blockid=${url.searchParams.get('blockid')}&${sas.toString()}`;
    },
  };
}
