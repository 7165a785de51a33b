import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import type { RegistryClient } from './registry-client.ts';

/** Something that can be pulled: a path below /v2/. */
export type Resource = `${string}/blobs/${string}` | `${string}/manifests/${string}`;

/** What a client knows of it: the digest of what it pulls, or that there is nothing. */
export type Content = string;
export const absent: Content = 'absent';

/**
 * What one client was told, and so may rely on: after an acknowledged write a resource has that
 * content and no other; after one that broke off it has that or one that it might have had before.
 * A resource is one client's alone, writes of it come one after the other.
 */
export class Ledger {
  readonly #possible = new Map<Resource, ReadonlySet<Content>>();

  /** Does a write that brings all these resources to those contents, and notes how it went. */
  async write(contents: Readonly<Record<Resource, Content>>, act: () => Promise<unknown>) {
    const entries = Object.entries(contents) as [Resource, Content][];
    for (const [resource, content] of entries) {
      this.#possible.set(resource, new Set([...this.possible(resource), content]));
    }
    await act();
    for (const [resource, content] of entries) this.#possible.set(resource, new Set([content]));
  }

  /** From now on nothing is known of it. */
  forget(resource: Resource): void {
    this.#possible.delete(resource);
  }

  possible(resource: Resource): ReadonlySet<Content> {
    return this.#possible.get(resource) ?? new Set([absent]);
  }

  /** Pulls everything and compares, byte for byte. */
  async verify(client: RegistryClient): Promise<void> {
    for (const [resource, possible] of this.#possible) {
      const found = await contentOf(client, resource);
      expect([...possible], `${resource} is now ${found}`).toContain(found);
    }
  }
}

/** Pulls a resource. Throws Refused for anything but its content or a 404. */
export async function contentOf(client: RegistryClient, resource: Resource): Promise<Content> {
  const { status, body } = await client.expect([200, 404], 'GET', `/v2/${resource}`);
  if (status === 404) return absent;
  return `sha256:${createHash('sha256').update(body).digest('hex')}`;
}
