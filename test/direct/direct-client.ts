import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import type { TestRegistry } from '../http/registry.ts';
import { type Answer, Client, descriptor, header, image, types } from '../http/client.ts';
import { composeAuthority } from '../../shared/auth/authority.ts';
import { systemClock } from '../../shared/ports/clock.ts';
import { tablesOf } from '../auth/registry-tables.ts';

/** What a client says that is sent to storage with its layers. */
export const containerd = { 'User-Agent': 'containerd/2.4.2+unknown' };

/** A push of containerd's by hand, under a token of its own unless given another's. */
export class DirectClient {
  readonly client: Client;
  readonly repository: string;

  constructor(client: Client, repository: string) {
    this.client = client;
    this.repository = repository;
  }

  /** POST of an upload; answers the URL in storage. */
  async start(): Promise<string> {
    const answer = await this.post();
    expect(answer.status).toBe(202);
    return header(answer, 'Location');
  }

  async post(headers: Readonly<Record<string, string>> = containerd): Promise<Answer> {
    const target = `/v2/${this.repository}/blobs/uploads/`;
    return await this.client.send('POST', target, { headers, body: '' });
  }

  /** POST and PUT of a layer; answers the URL that was written to. */
  async put(bytes: Uint8Array): Promise<string> {
    const url = await this.start();
    expect((await putBlock(url, bytes)).status).toBe(201);
    return url;
  }

  async putManifest(tag: string, manifest: object): Promise<Answer> {
    return await this.client.putManifest(this.repository, tag, manifest, containerd);
  }

  async head(digest: string): Promise<Answer> {
    const target = `/v2/${this.repository}/blobs/${digest}`;
    return await this.client.send('HEAD', target, { headers: containerd });
  }

  async get(digest: string): Promise<Buffer> {
    const target = `/v2/${this.repository}/blobs/${digest}`;
    const answer = await this.client.send('GET', target, { headers: containerd });
    if (answer.status === 200) return answer.body;
    expect(answer.status).toBe(307);
    const stored = await fetch(header(answer, 'Location'));
    expect(stored.status).toBe(200);
    return Buffer.from(await stored.arrayBuffer());
  }
}

/** The one request that the URL is for, as containerd sends it. */
export async function putBlock(url: string, bytes: Uint8Array): Promise<Response> {
  const response = await fetch(`${url}&digest=sha256%3A00&ns=registry.example`, {
    method: 'PUT',
    body: bytes,
    headers: { 'content-type': 'application/octet-stream' },
  });
  await response.arrayBuffer();
  return response;
}

/** A manifest of layers, all but the config of their own, with how to write it down. */
export function imageOf(config: Uint8Array, layers: readonly Uint8Array[]): object {
  return image({
    config: descriptor(config, types.config),
    layers: layers.map((layer) => descriptor(layer, types.layer)),
    annotations: { nonce: randomBytes(8).toString('hex') },
  });
}

/** A client with a token of its own of that principal, for one repository. */
export async function clientOf(
  { azurite, lighter }: TestRegistry,
  subject: string,
  repository: string,
  actions: readonly string[] = ['pull', 'push'],
): Promise<Client> {
  const off = { adminPassword: undefined, anonymousPull: [] };
  const authority = composeAuthority(off, tablesOf(azurite), systemClock);
  const { token } = await authority.tokens.issueAccess({
    subject,
    audience: lighter.host,
    access: [{ type: 'repository', name: repository, actions }],
    expiresAtMostMs: undefined,
  });
  return new Client(lighter.url, `Bearer ${token}`);
}
