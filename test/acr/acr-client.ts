import { expect } from 'vitest';
import { type Answer, type Client, header, nextOf } from '../http/client.ts';

export interface Attributes {
  readonly deleteEnabled: boolean;
  readonly writeEnabled: boolean;
  readonly readEnabled: boolean;
  readonly listEnabled: boolean;
}

export const unlocked: Attributes = {
  deleteEnabled: true,
  writeEnabled: true,
  readEnabled: true,
  listEnabled: true,
};

/** What every answer about something has. */
interface Described {
  readonly createdTime: string;
  readonly lastUpdateTime: string;
  readonly changeableAttributes: Attributes;
}

export interface TagJson extends Described {
  readonly name: string;
  readonly digest: string;
  readonly signed: boolean;
}

export interface ManifestJson extends Described {
  readonly digest: string;
  readonly imageSize: number;
  readonly mediaType: string;
  readonly architecture?: string;
  readonly os?: string;
  readonly configMediaType?: string;
  readonly tags?: readonly string[];
  readonly references?: readonly { digest: string; architecture?: string; os?: string }[];
}

export interface RepositoryJson extends Described {
  readonly registry: string;
  readonly imageName: string;
  readonly manifestCount: number;
  readonly tagCount: number;
}

export interface TagList {
  readonly registry: string;
  readonly imageName: string;
  readonly tags: readonly TagJson[];
}

export interface ManifestList {
  readonly registry: string;
  readonly imageName: string;
  readonly manifests: readonly ManifestJson[];
}

/** The path of something in a repository, its name percent-encoded as ACR's clients send it. */
export function acrPath(repository: string, rest = ''): string {
  return `/acr/v1/${encodeURIComponent(repository)}${rest}`;
}

/** The JSON of an answer that must have this status. */
export function bodyOf<T>(answer: Answer, status = 200): T {
  expect(answer.status, answer.body.toString()).toBe(status);
  expect(header(answer, 'Content-Type')).toMatch(/^application\/json/);
  return JSON.parse(answer.body.toString());
}

export async function getJson<T>(client: Client, target: string): Promise<T> {
  return bodyOf<T>(await client.send('GET', target));
}

/** Switches attributes of what is at the path. */
export async function patch(
  client: Client,
  target: string,
  change: Partial<Attributes>,
): Promise<void> {
  const answer = await client.send('PATCH', target, {
    body: JSON.stringify(change),
    headers: { 'Content-Type': 'application/json' },
  });
  expect(answer.status, answer.body.toString()).toBe(200);
}

/** All pages from the first on, each at most as long as asked for. */
export async function pagesOf<T>(client: Client, first: string): Promise<T[]> {
  const pages: T[] = [];
  for (let target: string | undefined = first; target !== undefined;) {
    const answer = await client.send('GET', target);
    pages.push(bodyOf<T>(answer));
    target = nextOf(answer);
  }
  return pages;
}
