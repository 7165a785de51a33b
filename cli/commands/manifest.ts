import type { Command } from 'commander';
import * as v from 'valibot';
import { allPages } from '../client/pages.ts';
import type { RegistryClient } from '../client/registry-client.ts';
import type { Context } from '../context.ts';
import type { AddCommand } from './command.ts';
import { addLockOptions, type LockOptions, locksOf } from './locks.ts';
import { manifest, manifestTable, manifestText } from './manifest-text.ts';
import { parseImage, parseLimit, parseRepository } from './options.ts';

const oneManifest = v.looseObject({ manifest });
const taggedDigest = v.looseObject({ tag: v.looseObject({ digest: v.string() }) });
const manifestList = v.looseObject({ manifests: v.nullish(v.array(manifest)) });
type Image = ReturnType<typeof parseImage>;

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** `lighter manifest …` */
export const addManifest: AddCommand = (program, contextOf) => {
  const group = program.command('manifest').description('manifests: images, indexes, artifacts');

  group
    .command('list')
    .description('manifests of a repository, the newest first')
    .argument('<repository>', 'its name, such as team/app', parseRepository)
    .option('--untagged', 'only those without a tag', false)
    .option('--limit <n>', 'look at so many at most', parseLimit)
    .action(
      async (name: string, options: { untagged: boolean; limit?: number }, command: Command) => {
        const { terminal, client } = contextOf(command);
        const path = `/acr/v1/${encodeURIComponent(name)}/_manifests?n=1000&orderby=timedesc`;
        const scope = `repository:${name}:metadata_read`;
        const all = await allPages(
          client(),
          path,
          scope,
          manifestList,
          (page) => page.manifests ?? [],
          options.limit,
        );
        const shown = options.untagged ? all.filter(({ tags }) => !tags?.length) : all;
        terminal.show(shown, () => manifestTable(shown));
      },
    );

  group
    .command('show')
    .description('one manifest: size, platform, tags, locks')
    .argument('<image>', 'repository:tag or repository@digest', parseImage)
    .action(async (image: Image, _options, command: Command) => {
      const { terminal, client } = contextOf(command);
      const registry = client();
      const scope = `repository:${image.repository}:metadata_read`;
      const path = await pathOf(registry, image, scope);
      const { value } = await registry.json(path, scope, oneManifest);
      terminal.show(value.manifest, () => manifestText(value.manifest));
    });

  group
    .command('get')
    .description('the manifest itself, byte for byte')
    .argument('<image>', 'repository:tag or repository@digest', parseImage)
    .action(async ({ repository, reference }: Image, _options, command: Command) => {
      const { client } = contextOf(command);
      const path = `/v2/${repository}/manifests/${encodeURIComponent(reference)}`;
      const scope = `repository:${repository}:pull`;
      const response = await client().request(path, scope, { headers: { Accept: accept } });
      process.stdout.write(Buffer.from(await response.arrayBuffer()));
    });

  addLockOptions(
    group
      .command('set')
      .description('lock a manifest, or unlock it')
      .argument('<image>', 'repository:tag or repository@digest', parseImage),
  ).action(async (image: Image, options: LockOptions, command: Command) => {
    const { terminal, client } = contextOf(command);
    const registry = client();
    const scope = `repository:${image.repository}:metadata_read,metadata_write`;
    const path = await pathOf(registry, image, scope);
    const { value } = await registry.json(path, scope, oneManifest, {
      method: 'PATCH',
      body: locksOf(options),
    });
    terminal.show(value.manifest, () => manifestText(value.manifest));
  });

  group
    .command('quarantine')
    .description('keep a manifest from all who may only pull')
    .argument('<image>', 'repository:tag or repository@digest', parseImage)
    .option('--failed', 'it was examined and found bad', false)
    .option('--details <text>', 'what was found, as JSON')
    .action(
      async (image: Image, options: { failed: boolean; details?: string }, command: Command) => {
        const quarantineState = options.failed ? 'Failed' : 'Quarantined';
        await putInState(contextOf(command), image, { quarantineState, ...detailsOf(options) });
      },
    );

  group
    .command('release')
    .description('let a manifest out of quarantine, with the manifests that an index names')
    .argument('<image>', 'repository:tag or repository@digest', parseImage)
    .option('--details <text>', 'what was found, as JSON')
    .action(async (image: Image, options: { details?: string }, command: Command) => {
      const quarantineState = 'Passed';
      await putInState(contextOf(command), image, { quarantineState, ...detailsOf(options) });
    });

  group
    .command('delete')
    .description('delete a manifest with all its tags')
    .argument('<image>', 'repository:tag or repository@digest', parseImage)
    .option('-y, --yes', 'do not ask', false)
    .action(async (image: Image, { yes }: { yes: boolean }, command: Command) => {
      const { terminal, client } = contextOf(command);
      const { repository } = image;
      const registry = client();
      const scope = `repository:${repository}:pull,delete`;
      const digest = await pulledDigest(registry, image, scope);
      await terminal.confirm(`Delete ${repository}@${digest} with all its tags?`, yes);
      await registry.request(`/v2/${repository}/manifests/${digest}`, scope, { method: 'DELETE' });
      terminal.show({ repository, digest }, () => '');
      terminal.done(`deleted ${repository}@${digest}`);
    });
};

async function putInState({ terminal, client }: Context, image: Image, body: object) {
  const registry = client();
  const scope = `repository:${image.repository}:metadata_read,metadata_write`;
  const path = await pathOf(registry, image, scope);
  const { value } = await registry.json(path, scope, oneManifest, { method: 'PATCH', body });
  terminal.show(value.manifest, () => manifestText(value.manifest));
}

function detailsOf({ details: found }: { readonly details?: string }) {
  return found === undefined ? {} : { quarantineDetails: found };
}

/** ACR's API knows manifests by digest only; it tells a tag's also where pulls are locked. */
async function pathOf(
  client: RegistryClient,
  { repository, reference }: Image,
  scope: string,
): Promise<string> {
  const base = `/acr/v1/${encodeURIComponent(repository)}`;
  if (reference.includes(':')) return `${base}/_manifests/${reference}`;
  const tagPath = `${base}/_tags/${encodeURIComponent(reference)}`;
  const { value } = await client.json(tagPath, scope, taggedDigest);
  return `${base}/_manifests/${value.tag.digest}`;
}

/** The digest, found by who may pull alone. A HEAD would not say what is wrong. */
async function pulledDigest(
  client: RegistryClient,
  { repository, reference }: Image,
  scope: string,
): Promise<string> {
  if (reference.includes(':')) return reference;
  const path = `/v2/${repository}/manifests/${encodeURIComponent(reference)}`;
  const response = await client.request(path, scope, { headers: { Accept: accept } });
  await response.body?.cancel();
  return response.headers.get('docker-content-digest') ?? reference;
}
