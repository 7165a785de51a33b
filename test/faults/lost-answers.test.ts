import { describe, expect, it } from 'vitest';
import { appendToUpload } from '../../shared/registry/uploads/append-upload.ts';
import { deleteBlob } from '../../shared/registry/blobs/delete-blob.ts';
import { deleteTag } from '../../shared/registry/manifests/delete-manifest.ts';
import { finishUpload } from '../../shared/registry/uploads/finish-upload.ts';
import type { Registry } from '../../shared/registry/registry.ts';
import type { Fault } from '../harness/fault-proxy.ts';
import { makeImage, randomBlob } from './image.ts';
import {
  bodyOf,
  newInstance,
  openUpload,
  pullBlob,
  pullTag,
  pushImage,
  repositoriesUnder,
  tagNamed,
} from './in-process.ts';
import { rounds } from './rounds.ts';
import { proxiedTestStorage } from './test-storage.ts';

const { brokenInvariants, proxied, proxy, stores } = proxiedTestStorage();

const newRepository = repositoriesUnder('lost');

describe('A4 a conflict that is our own success', () => {
  const lost: [string, Fault][] = [
    ['whose answer is lost', { kind: 'loseAnswer' }],
    ['that is delivered twice', { kind: 'duplicate' }],
    ['whose answer is lost and that is delivered late', { kind: 'deliverLate', ms: 20 }],
  ];
  it.each(lost)(
    'is recognised at every request %s: nothing fails, nothing is undone',
    async (_, fault) => {
      const everything = async (registry: Registry) => {
        const repository = newRepository();
        const image = makeImage({ layers: [randomBlob()], paddingBytes: 70_000 });
        await pushImage(registry, repository, image, ['one', 'two']);
        await deleteTag(registry, repository, tagNamed('two'));
        const chunked = randomBlob();
        const id = await openUpload(registry, repository);
        for (const part of [chunked.bytes.subarray(0, 200), chunked.bytes.subarray(200)]) {
          await appendToUpload(registry, repository, id, bodyOf(part), undefined);
        }
        const { digest } = chunked;
        await finishUpload(registry, repository, id, { digest, body: undefined, range: undefined });
        await deleteBlob(registry, repository, digest);
        const fresh = newInstance(stores);
        const pulled = await pullTag(fresh, repository, 'one');
        expect(image.manifest.bytes.equals(pulled.bytes)).toBe(true);
        for (const blob of [image.config, ...image.layers]) {
          expect(blob.bytes.equals(await pullBlob(fresh, repository, blob))).toBe(true);
        }
      };
      await everything(newInstance(proxied));
      const requests = proxy().requests.length;
      const step = rounds > 1 ? 1 : 4;
      for (let after = Math.floor(Math.random() * step); after < requests; after += step) {
        proxy().clear();
        proxy().inject({ fault, after });
        await everything(newInstance(proxied));
      }
      expect(await brokenInvariants()).toEqual([]);
    },
    60_000,
  );
});
