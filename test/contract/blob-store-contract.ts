import { createHash, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { newPhysicalName, type PhysicalName } from '../../shared/domain/physical-name.ts';
import type { BlobStore } from '../../shared/ports/blob-store.ts';

/**
 * What every BlobStore promises. `connect` gives one on an account whose containers may not exist
 * yet; `download` is how anybody without a credential gets a URL.
 */
export function blobStoreContract(
  connect: () => Promise<BlobStore>,
  download: (url: string, method?: string) => Promise<Response> = (url, method = 'GET') =>
    fetch(url, { method }),
): void {
  let store: BlobStore;
  beforeAll(async () => {
    store = await connect();
  });

  const newName = () => newPhysicalName(new Date());
  const bytesOf = (text: string) => new TextEncoder().encode(text);
  const textOf = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
  const read = async (name: PhysicalName) => textOf(await store.read('content', name));
  const put = async (text: string) => {
    const name = newName();
    await store.putBlob('content', name, bytesOf(text), {});
    return name;
  };
  const stageAndCommit = async (parts: readonly Uint8Array[]) => {
    const name = newName();
    const ids = parts.map((_, index) => `nonce000${String(index).padStart(6, '0')}`);
    await Promise.all(
      parts.map((bytes, index) => store.stageBlock('content', name, ids[index] ?? '', bytes)),
    );
    const outcome = await store.commitBlocks('content', name, ids, { digest: 'sha256:00' });
    return { name, ids, outcome };
  };

  describe('a blob put at once', () => {
    it('is there whole, with its metadata', async () => {
      const name = newName();
      const metadata = { digest: `sha256:${'0'.repeat(64)}`, w: 'nonce' };
      expect(await store.putBlob('content', name, bytesOf('lighter'), metadata)).toBe('committed');
      expect(await read(name)).toBe('lighter');
      expect(await store.properties('content', name)).toEqual({
        sizeBytes: 7,
        etag: expect.stringMatching(/^(W\/)?".+"$/),
        metadata,
      });
    });

    it('may be empty', async () => {
      const name = await put('');
      expect((await store.properties('content', name))?.sizeBytes).toBe(0);
      expect(await read(name)).toBe('');
    });

    it('is not overwritten by a second one', async () => {
      const name = await put('first');
      expect(await store.putBlob('content', name, bytesOf('second'), {})).toBe('exists');
      expect(await read(name)).toBe('first');
    });

    it('is in its own container only', async () => {
      const name = await put('lighter');
      expect(await store.properties('manifests', name)).toBeUndefined();
      expect(await store.read('staging', name)).toBeUndefined();
    });
  });

  describe('a blob of blocks', () => {
    it('is the blocks in the order of the list', async () => {
      const { name, outcome } = await stageAndCommit(['a', 'bb', 'ccc'].map(bytesOf));
      expect(outcome).toBe('committed');
      expect(await read(name)).toBe('abbccc');
      expect((await store.properties('content', name))?.metadata).toEqual({ digest: 'sha256:00' });
    });

    it('does not exist before it is committed', async () => {
      const name = newName();
      await store.stageBlock('content', name, 'nonce000000000', bytesOf('a'));
      expect(await store.properties('content', name)).toBeUndefined();
      expect(await store.read('content', name)).toBeUndefined();
      expect(await store.stream('content', name)).toBeUndefined();
    });

    it('is committed once: a second list changes nothing', async () => {
      const { name, ids } = await stageAndCommit(['a', 'bb'].map(bytesOf));
      await store.stageBlock('content', name, 'late0000000000', bytesOf('late'));
      expect(await store.commitBlocks('content', name, ['late0000000000'], {})).toBe('exists');
      expect(await store.commitBlocks('content', name, ids, {})).toBe('exists');
      expect(await read(name)).toBe('abb');
    });

    it('does not appear when storage lacks a block', async () => {
      const name = newName();
      await store.stageBlock('content', name, 'nonce000000000', bytesOf('a'));
      const ids = ['nonce000000000', 'nonce000000001'];
      expect(await store.commitBlocks('content', name, ids, {})).toBe('missing');
      expect(await store.properties('content', name)).toBeUndefined();
    });

    it('takes a view of a larger buffer, which may be reused afterwards', async () => {
      const buffer = new Uint8Array(3 * 1024 * 1024).fill(1);
      const name = newName();
      await store.stageBlock('content', name, 'nonce000000000', buffer.subarray(10, 2_000_010));
      buffer.fill(2);
      await store.commitBlocks('content', name, ['nonce000000000'], {});
      expect(await store.read('content', name)).toEqual(Buffer.alloc(2_000_000, 1));
    });
  });

  describe('reading', () => {
    it('gives a range, both ends inclusive', async () => {
      const name = await put('0123456789');
      const range = async (first: number, last: number) =>
        textOf(await store.read('content', name, { first, last }));
      expect(await range(0, 0)).toBe('0');
      expect(await range(3, 5)).toBe('345');
      expect(await range(9, 9)).toBe('9');
      expect(await range(7, 100)).toBe('789');
    });

    it('of a name that does not exist gives undefined', async () => {
      const name = newName();
      expect(await store.properties('content', name)).toBeUndefined();
      expect(await store.read('content', name)).toBeUndefined();
      expect(await store.read('content', name, { first: 0, last: 1 })).toBeUndefined();
      expect(await store.stream('content', name)).toBeUndefined();
    });

    it('streams a large blob unchanged, and a range of it', async () => {
      const parts = [4, 4, 3].map((mebibytes) => randomBytes(mebibytes * 1024 * 1024));
      const { name } = await stageAndCommit(parts);
      const whole = Buffer.concat(parts);
      const hash = createHash('sha256');
      let chunks = 0;
      for await (const chunk of (await store.stream('content', name)) ?? []) {
        hash.update(chunk);
        chunks += 1;
      }
      expect(hash.digest('hex')).toBe(createHash('sha256').update(whole).digest('hex'));
      expect(chunks).toBeGreaterThan(10);
      const range = { first: 5_000_000, last: 9_999_999 };
      const part: Uint8Array[] = [];
      for await (const chunk of (await store.stream('content', name, range)) ?? [])
        part.push(chunk);
      expect(Buffer.concat(part).equals(whole.subarray(5_000_000, 10_000_000))).toBe(true);
    });

    it('may stop early', async () => {
      const { name } = await stageAndCommit([randomBytes(4 * 1024 * 1024)]);
      for await (const chunk of (await store.stream('content', name)) ?? []) {
        expect(chunk.byteLength).toBeGreaterThan(0);
        break;
      }
      expect((await store.properties('content', name))?.sizeBytes).toBe(4 * 1024 * 1024);
    });
  });

  describe('deleting', () => {
    const names = async () => {
      const found: string[] = [];
      for (let after: string | undefined; ;) {
        const page = await store.list('content', after);
        found.push(...page.blobs.map(({ name }) => name));
        if (page.next === undefined) return found;
        after = page.next;
      }
    };

    it('takes a blob away, and nothing else', async () => {
      const [name, other] = [await put('gone'), await put('here')];
      await store.delete('content', name, 'committed');
      expect(await read(name)).toBeUndefined();
      expect(await read(other)).toBe('here');
      const left = await names();
      expect(left).toContain(other);
      expect(left).not.toContain(name);
    });

    it('takes blocks away that were never committed', async () => {
      const name = newName();
      await store.stageBlock('content', name, 'nonce000000000', bytesOf('a'));
      expect(await names()).toContain(name);
      await store.delete('content', name, 'staged');
      expect(await names()).not.toContain(name);
      expect(await store.commitBlocks('content', name, ['nonce000000000'], {})).toBe('missing');
    });

    it('of what is not there is done, and leaves nothing', async () => {
      for (const what of ['committed', 'staged', 'committed'] as const) {
        const name = newName();
        await store.delete('content', name, what);
        await store.delete('content', name, what);
        expect(await names()).not.toContain(name);
      }
    });
  });

  describe('listing', () => {
    it('tells names in order, with sizes and ages', async () => {
      await put('0123456789');
      const name = await put('abc');
      const { blobs } = await store.list('content', undefined);
      expect(blobs.map((blob) => blob.name)).toEqual(blobs.map((blob) => blob.name).toSorted());
      const found = blobs.find((blob) => blob.name === name);
      expect(found?.sizeBytes).toBe(3);
      expect(found?.ageMs).toBeLessThan(10_000);
      expect((await store.list('manifests', undefined)).blobs).not.toContainEqual(found);
    });
  });

  describe('metadata', () => {
    it('is replaced under the ETag read', async () => {
      const name = newName();
      await store.putBlob('content', name, bytesOf('a'), { old: '1' });
      const etag = (await store.properties('content', name))?.etag ?? '';
      expect(await store.setMetadata('content', name, etag, { digest: 'sha256:1' })).toBe('set');
      const after = await store.properties('content', name);
      expect(after?.metadata).toEqual({ digest: 'sha256:1' });
      expect(await read(name)).toBe('a');
      expect(await store.setMetadata('content', name, etag, { digest: 'sha256:2' })).toBe(
        'changed',
      );
      expect((await store.properties('content', name))?.metadata).toEqual({ digest: 'sha256:1' });
    });
  });

  describe('a signed URL', () => {
    it('lets anybody read that blob, as bytes without a type', async () => {
      const name = await put('<script>alert(1)</script>');
      const url = await store.signedReadUrl('content', name, { sasTtlSeconds: 60 });
      const response = await download(url);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('<script>alert(1)</script>');
      expect(response.headers.get('content-type')).toBe('application/octet-stream');
    });

    it('is for one blob, reading, and its time only', async () => {
      const name = await put('mine');
      const url = new URL(await store.signedReadUrl('content', name, { sasTtlSeconds: 1200 }));
      const query = url.searchParams;
      expect([query.get('sr'), query.get('sp')]).toEqual(['b', 'r']);
      expect(query.get('spr')).toBe(url.protocol === 'https:' ? 'https' : null);
      const seconds = (field: string) => Date.parse(query.get(field) ?? '') / 1000;
      expect(seconds('se') - seconds('st')).toBe(1500);
      expect(Math.abs(seconds('se') - 1200 - Date.now() / 1000)).toBeLessThan(5);

      const other = new URL(url);
      other.pathname = other.pathname.slice(0, -1) + (other.pathname.endsWith('0') ? '1' : '0');
      expect((await download(other.href)).status).toBe(403);
      expect((await download(url.href, 'DELETE')).status).toBe(403);
      const over = await store.signedReadUrl('content', name, { sasTtlSeconds: -60 });
      expect((await download(over)).status).toBe(403);
    });

    it('may have another base', async () => {
      const name = await put('mine');
      const plain = await store.signedReadUrl('content', name, { sasTtlSeconds: 60 });
      const publicBase = 'http://registry.example.com:5080/account';
      const url = await store.signedReadUrl('content', name, { sasTtlSeconds: 60, publicBase });
      const path = new URL(plain).pathname.replace(/^\/[^/]+/, '');
      expect(url.startsWith(`${publicBase}${path}?`)).toBe(true);
      expect(new URL(url).searchParams.get('spr')).toBeNull();
    });

    it('is good where TLS ends in front of storage', async () => {
      const name = await put('behind TLS');
      const plain = await store.signedReadUrl('content', name, { sasTtlSeconds: 60 });
      const publicBase = 'https://registry.example.com/account';
      const url = await store.signedReadUrl('content', name, { sasTtlSeconds: 60, publicBase });
      const forwarded = new URL(plain);
      forwarded.search = new URL(url).search;
      expect((await download(forwarded.href)).status).toBe(200);
    });
  });
}
