import { expect } from 'vitest';
import { type Answer, Client } from '../http/client.ts';
import type { Attributes, ManifestJson, TagJson } from './acr-client.ts';

/*
 * What the `acr` command (github.com/Azure/acr-cli) sends, request by request, and how it reads the
 * answers: pages of 100 with the repository's name percent-encoded, `last` taken out of the Link
 * header for tags and from the last digest for manifests, loops that end at a null list, a 404 and
 * a 405 that are passed over.
 */

export interface PurgeOptions {
  /** `--filter`: repository and tag, each matched whole. */
  readonly filter: { readonly repository: RegExp; readonly tag: RegExp };
  /** `--ago`, in milliseconds. */
  readonly agoMs: number;
  readonly untagged?: boolean;
  readonly dryRun?: boolean;
  readonly includeLocked?: boolean;
}

export interface Purged {
  readonly tags: readonly string[];
  readonly manifests: readonly string[];
  /** What was passed over because of the answer. */
  readonly skipped: readonly string[];
}

const pageSize = 100;

/** The credential `acr` uses after `-u 00000000-… -p <token>`, and for another user name Basic. */
export async function acrLogin(url: string, username: string, password: string): Promise<AcrCli> {
  const client = new Client(url, '');
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: new URL(url).host,
    scope: 'registry:catalog:* repository:*:*',
    refresh_token: password,
  });
  if (username !== '00000000-0000-0000-0000-000000000000') {
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    return new AcrCli(new Client(url, `Basic ${basic}`));
  }
  const answer = await client.send('POST', '/oauth2/token', {
    body: form.toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  });
  expect(answer.status, answer.body.toString()).toBe(200);
  const { access_token: token }: { access_token: string } = JSON.parse(answer.body.toString());
  return new AcrCli(new Client(url, `Bearer ${token}`));
}

export class AcrCli {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** `acr tag list -r … --repository …` */
  async tagList(repository: string): Promise<TagJson[]> {
    return await this.#tags(repository, '');
  }

  /** `acr tag delete -r … --repository … tag…` */
  async tagDelete(repository: string, tag: string): Promise<number> {
    return (await this.#deleteTag(repository, tag)).status;
  }

  /** `acr manifest list -r … --repository …` */
  async manifestList(repository: string): Promise<ManifestJson[]> {
    const found: ManifestJson[] = [];
    for (let last = ''; ;) {
      const query = parametersOf({ last, n: String(pageSize), orderby: '' });
      const path = `/acr/v1/${encodeURIComponent(repository)}/_manifests?${query}`;
      const answer = await this.#client.send('GET', path);
      const { manifests } = bodyOf<{ manifests: ManifestJson[] | null }>(answer);
      // The command takes the last element of whatever is not null.
      if (manifests === null) return found;
      const lastDigest = manifests[manifests.length - 1]?.digest;
      if (lastDigest === undefined) throw new Error('index out of range');
      found.push(...manifests);
      last = lastDigest;
    }
  }

  /** `acr manifest delete -r … --repository … digest…` */
  async manifestDelete(repository: string, digest: string): Promise<number> {
    return (await this.#deleteManifest(repository, digest)).status;
  }

  /** `acr purge -r … --filter … --ago … [--untagged] [--dry-run] [--include-locked]` */
  async purge(options: PurgeOptions): Promise<Purged> {
    const purged = { tags: [] as string[], manifests: [] as string[], skipped: [] as string[] };
    for (const repository of await this.#repositories()) {
      if (!options.filter.repository.test(repository)) continue;
      const doomedTags = await this.#oldTags(repository, options);
      for (const tag of doomedTags) {
        if (options.dryRun !== true) {
          if (options.includeLocked === true)
            await this.#unlock(repository, `_tags/${tag.name}`, tag);
          const { status } = await this.#deleteTag(repository, tag.name);
          if (!isDone(status)) {
            purged.skipped.push(`${repository}:${tag.name}`);
            continue;
          }
        }
        purged.tags.push(`${repository}:${tag.name}`);
      }
      if (options.untagged !== true) continue;
      const gone = new Set(options.dryRun === true ? doomedTags.map(({ name }) => name) : []);
      for (const manifest of await this.#untagged(repository, options, gone)) {
        if (options.dryRun !== true) {
          const path = `_manifests/${manifest.digest}`;
          if (options.includeLocked === true) await this.#unlock(repository, path, manifest);
          const { status } = await this.#deleteManifest(repository, manifest.digest);
          if (!isDone(status)) {
            purged.skipped.push(manifest.digest);
            continue;
          }
        }
        purged.manifests.push(manifest.digest);
      }
    }
    return purged;
  }

  async #repositories(): Promise<string[]> {
    const found: string[] = [];
    for (let last = ''; ;) {
      const query = parametersOf({ last, n: String(pageSize) });
      const answer = await this.#client.send('GET', `/v2/_catalog?${query}`);
      found.push(...bodyOf<{ repositories: string[] }>(answer).repositories);
      last = lastOf(answer);
      if (last === '') return found;
    }
  }

  async #tags(repository: string, orderby: string): Promise<TagJson[]> {
    const found: TagJson[] = [];
    for (let last = ''; ;) {
      const query = parametersOf({ last, n: String(pageSize), orderby });
      const path = `/acr/v1/${encodeURIComponent(repository)}/_tags?${query}`;
      const answer = await this.#client.send('GET', path);
      const { tags } = bodyOf<{ tags: TagJson[] | null }>(answer);
      if (tags === null) return found;
      found.push(...tags);
      last = lastOf(answer);
      if (last === '') return found;
    }
  }

  async #oldTags(repository: string, options: PurgeOptions): Promise<TagJson[]> {
    const before = Date.now() - options.agoMs;
    return (await this.#tags(repository, 'timedesc')).filter(
      (tag) =>
        options.filter.tag.test(tag.name) &&
        Date.parse(tag.lastUpdateTime) < before &&
        (options.includeLocked === true || isUnlocked(tag.changeableAttributes)),
    );
  }

  /** Without tags, not named by an index or a subject that stays, and not locked. */
  async #untagged(
    repository: string,
    options: PurgeOptions,
    gone: ReadonlySet<string>,
  ): Promise<ManifestJson[]> {
    const manifests = await this.manifestList(repository);
    const isTagged = ({ tags = [] }: ManifestJson) => tags.some((tag) => !gone.has(tag));
    const needed = new Set<string>();
    for (const manifest of manifests.filter(isTagged)) {
      if (!/index|manifest\.list/.test(manifest.mediaType)) continue;
      const path = `/v2/${repository}/manifests/${manifest.digest}`;
      const headers = { Accept: manifest.mediaType };
      const got = await this.#client.send('GET', path, { headers });
      const index: { manifests: { digest: string }[] } = JSON.parse(got.body.toString());
      for (const { digest } of index.manifests) needed.add(digest);
    }
    return manifests.filter(
      (manifest) =>
        !isTagged(manifest) &&
        !needed.has(manifest.digest) &&
        (options.includeLocked === true || isUnlocked(manifest.changeableAttributes)),
    );
  }

  async #unlock(
    repository: string,
    rest: string,
    { changeableAttributes }: { changeableAttributes: Attributes },
  ): Promise<void> {
    if (isUnlocked(changeableAttributes)) return;
    const path = `/acr/v1/${encodeURIComponent(repository)}/${rest}`;
    const answer = await this.#client.send('PATCH', path, {
      body: JSON.stringify({ deleteEnabled: true, writeEnabled: true }),
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
    });
    expect(answer.status).toBe(200);
  }

  async #deleteTag(repository: string, tag: string): Promise<Answer> {
    return await this.#client.send(
      'DELETE',
      `/acr/v1/${encodeURIComponent(repository)}/_tags/${tag}`,
    );
  }

  async #deleteManifest(repository: string, digest: string): Promise<Answer> {
    const path = `/v2/${encodeURIComponent(repository)}/manifests/${encodeURIComponent(digest)}`;
    return await this.#client.send('DELETE', path);
  }
}

/** Empty parameters are left out, but `orderby` is sent where it is set. */
function parametersOf(parameters: Readonly<Record<string, string>>): string {
  const given = Object.entries(parameters).filter(([, value]) => value !== '');
  return new URLSearchParams(given).toString();
}

/** The query between the first `?` and `>` of the Link header, as the command cuts it out. */
function lastOf({ headers }: Answer): string {
  const query = headers.get('Link')?.split('?')[1]?.split('>')[0];
  return new URLSearchParams(query ?? '').get('last') ?? '';
}

function bodyOf<T>(answer: Answer): T {
  expect(answer.status, answer.body.toString()).toBe(200);
  return JSON.parse(answer.body.toString());
}

function isUnlocked({ deleteEnabled, writeEnabled }: Attributes): boolean {
  return deleteEnabled && writeEnabled;
}

/** Anything but success, gone already, or locked ends the command. */
function isDone(status: number): boolean {
  if (status === 202) return true;
  expect([404, 405]).toContain(status);
  return false;
}
