import type { ClientSession } from './client-session.ts';
import { digestsIn } from './digests.ts';
import type { Effect, Restored } from './history.ts';
import type { Repository } from './repository.ts';

export async function deleteTag(client: ClientSession, repository: Repository): Promise<void> {
  const tag = client.choice.of([...repository.tags, ...client.frozenTags()]);
  await client.write(repository, { kind: 'deleteTag', tag }, () =>
    client.send('DELETE', `${repository.name}/manifests/${tag}`),
  );
}

export async function deleteManifest(client: ClientSession, repository: Repository): Promise<void> {
  if (repository.images.length === 0) return;
  const { digest } = client.choice.of(repository.manifests);
  await client.write(repository, { kind: 'deleteManifest', digest }, () =>
    client.send('DELETE', `${repository.name}/manifests/${digest}`),
  );
}

export async function deleteRepository(
  client: ClientSession,
  repository: Repository,
): Promise<void> {
  await client.write(repository, { kind: 'deleteRepository' }, () =>
    client.request({ method: 'DELETE', path: `/acr/v1/${repository.name}`, headers: {} }),
  );
}

export async function deleteBlob(client: ClientSession, repository: Repository): Promise<void> {
  const { digest } = client.someBlob();
  const ended = repository.beginBlobDelete(digest);
  const answer = await client.send('DELETE', `${repository.name}/blobs/${digest}`);
  ended(answer !== undefined && answer.status < 500);
}

/** Where deletions are soft, that can be undone; elsewhere it is refused. */
export async function restore(client: ClientSession, repository: Repository): Promise<void> {
  if (repository.images.length === 0) return;
  const { digest, bytes } = client.choice.of(repository.manifests);
  const candidates = new Set([digest, ...digestsIn(bytes.toString())]);
  const manifests = [...candidates].map((each) => ({ digest: each, tags: undefined }));
  const effect: Effect = { kind: 'restore', manifests };
  const ended = repository.history.begin(effect);
  const path = `/acr/v1/_deleted/${repository.name}/_manifests/${digest}`;
  const answer = await client.request({ method: 'POST', path, headers: {} });
  if (answer?.status !== 200) return ended('unknown');
  const { restored } = JSON.parse(answer.body) as { restored: Restored[] };
  ended('done', { kind: 'restore', manifests: restored });
}
