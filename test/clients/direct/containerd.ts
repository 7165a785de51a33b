import { ok, strictEqual } from 'node:assert/strict';
import { join } from 'node:path';
import { startContainerd } from '../containerd.ts';
import type { CuttingProxy } from '../cutting-proxy.ts';
import { toolPath } from '../install.ts';
import type { LocalImage } from '../layout.ts';
import { exec, execMustFail } from '../process.ts';
import type { Workbench } from '../workbench.ts';
import { begunUploads, expectCut, expectDirect, expired, requestsTo } from './uploads.ts';

/** Up to 4,000 MiB work; by hand `LIGHTER_DIRECT_MIB=3900`. */
const largeMiB = Number(process.env['LIGHTER_DIRECT_MIB'] ?? 2048);

/** `ctr` with a containerd of its own. */
export async function withContainerd(bench: Workbench, proxy: CuttingProxy): Promise<void> {
  const socket = join(bench.folder, 'containerd.sock');
  const daemon = await startContainerd(bench.folder, socket);
  await run(bench, proxy, socket).finally(() => daemon.stop());
}

async function run(bench: Workbench, proxy: CuttingProxy, socket: string): Promise<void> {
  const { env, images, registry, test } = bench;
  const command = toolPath('containerd', 'ctr');
  const base = ['-a', socket, '-n', 'direct'];
  const credentials = ['--plain-http', '--user', `${registry.user}:${registry.password}`];
  const ctr = (...args: string[]): Promise<string> =>
    exec(command, [...base, ...args], { env, timeoutSeconds: 300 });
  const remote = (name: string, tag = '1'): string => `${proxy.host}/direct/${name}:${tag}`;
  const load = (image: LocalImage): Promise<string> =>
    ctr('images', 'import', '--no-unpack', '--all-platforms', image.archive);
  const push = (image: LocalImage, target: string, ...flags: string[]): Promise<string> =>
    ctr('images', 'push', ...credentials, ...flags, target, image.name);
  const pushMustFail = (image: LocalImage, target: string): Promise<string> =>
    execMustFail(command, [...base, 'images', 'push', ...credentials, target, image.name], { env });

  /** Fetches into an empty store what was pushed from it. */
  const fetchBack = async (image: LocalImage, target: string): Promise<void> => {
    await ctr('images', 'rm', '--sync', image.name);
    strictEqual((await ctr('content', 'ls', '--quiet')).trim(), '');
    await ctr('content', 'fetch', ...credentials, '--all-platforms', target);
    const listed = await ctr('images', 'ls', `name==${target}`);
    ok(listed.includes(image.digest), listed);
    await ctr('images', 'rm', '--sync', target);
  };
  const pushDirect = async (
    image: LocalImage,
    name: string,
    blobs: number,
    ...flags: string[]
  ): Promise<void> => {
    await load(image);
    await push(image, remote(name), ...flags);
    await expectDirect(bench, `direct/${name}`, blobs);
    await fetchBack(image, remote(name));
  };

  await test('from ctr: five blobs, none of whose bytes the registry sees', async () => {
    const before = proxy.storedBytes();
    await pushDirect(await images.app(), 'app', 5);
    ok(proxy.storedBytes() - before > 3_000_000);
  });
  await test('from ctr without the transfer service', async () => {
    await pushDirect(await images.app(), 'local', 5, '--local');
  });
  await test('from ctr: an index of two platforms, with what they share sent once', async () => {
    await pushDirect(await images.multiArch(), 'multi-arch', 7);
    strictEqual(await begunUploads(bench, 'direct/multi-arch'), 7);
  });
  await test('from ctr: 127 layers, many of one size', async () => {
    await pushDirect(await images.layers(127), 'layers', 128);
  });
  await test('from ctr: three layers of one size, one of them twice', async () => {
    await pushDirect(await images.equalSizes(), 'equal-sizes', 4);
  });
  await test('from ctr: twenty pushes at once into one repository, all of one size', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => images.pair(index)));
    for (const image of all) await load(image);
    const target = (index: number): string => remote('at-once', String(index));
    await Promise.all(all.map((image, index) => push(image, target(index))));
    await expectDirect(bench, 'direct/at-once', 60);
    await ctr('images', 'rm', '--sync', ...all.slice(1).map((image) => image.name));
    for (const [index, image] of all.entries()) {
      if (index > 0) await load(image);
      await fetchBack(image, target(index));
    }
  });
  await test('from ctr: a layer of no bytes, which storage takes no block of', async () => {
    const image = await images.emptyLayer();
    await load(image);
    await push(image, remote('empty-layer'));
    await expectDirect(bench, 'direct/empty-layer', 3);
    const path = `/v2/direct/empty-layer/blobs/${image.layerDigests[1]}`;
    // It is told that it is there, and so sends none.
    const asked = await requestsTo(bench, path);
    const { method, status } = asked.findLast((request) => request.status !== 401) ?? {};
    strictEqual(`${method} ${status}`, 'HEAD 200');
    strictEqual(await begunUploads(bench, 'direct/empty-layer'), 3);
    // Nor does ctr fetch a layer of no bytes.
    const response = await registry.fetch(path);
    strictEqual(`${response.status} ${await response.text()}`, '200 ');
    await ctr('images', 'rm', '--sync', image.name);
  });
  await test(`from ctr: a layer of ${largeMiB} MiB`, async () => {
    await pushDirect(await images.large(largeMiB), 'large', 2);
  });
  await test('from ctr: is cut by a proxy, and succeeds when it is tried again', async () => {
    const image = await images.app();
    await load(image);
    await expectCut(proxy, () => push(image, remote('cut')));
    await pushDirect(image, 'cut', 5);
  });
  await test('from ctr: is cut in one layer, and sends only that one when tried again', async () => {
    const image = await images.app();
    await load(image);
    // Only one layer has so many bytes, and is cut when the four other blobs have arrived.
    proxy.always({ kind: 'cut', afterBytes: 2_000_000, afterAnswers: 4 });
    await pushMustFail(image, remote('half'));
    proxy.forgive();
    const before = proxy.storedBytes();
    const begun = await begunUploads(bench, 'direct/half');
    // One at a time: a HEAD passes over what another one is looking at, and its layer is sent again.
    const oneByOne = ['--local', '--max-concurrent-uploaded-layers', '1'];
    await pushDirect(image, 'half', begun + 1, ...oneByOne);
    strictEqual(await begunUploads(bench, 'direct/half'), begun + 1);
    const sent = proxy.storedBytes() - before;
    ok(sent > 3_000_000 && sent < 3_010_000, `${sent} bytes were sent`);
  });
  await test('from ctr: storage is busy once, and gets the same URL again', async () => {
    proxy.next({ kind: 'answer', status: 503, code: 'ServerBusy' });
    await pushDirect(await images.app(), 'busy', 5);
    strictEqual(await begunUploads(bench, 'direct/busy'), 5);
  });
  await test('from ctr: storage finds a layer too large, and the client says so', async () => {
    const image = await images.app();
    await load(image);
    proxy.always({ kind: 'answer', status: 413, code: 'RequestBodyTooLarge' });
    const message = await pushMustFail(image, remote('too-large'));
    proxy.forgive();
    ok(/PUT request to .*: 413 /.test(message), message);
  });
  await test('from ctr: a URL whose time is over is refused, and the client says so', async () => {
    const image = await images.app();
    await load(image);
    proxy.always(expired(bench));
    const message = await pushMustFail(image, remote('expired'));
    proxy.forgive();
    ok(/403 .*(?:authenticate|authorization|authorized)/i.test(message), message);
  });
}
