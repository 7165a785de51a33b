import type { ClientSession } from './client-session.ts';
import { digestOf } from './digests.ts';
import type { Repository } from './repository.ts';

export async function pull(client: ClientSession, repository: Repository): Promise<void> {
  const reference = client.choice.of(repository.tags);
  const answer = await client.send('GET', `${repository.name}/manifests/${reference}`);
  if (answer?.status !== 200) return;
  const digest = answer.headers['Docker-Content-Digest'] ?? '';
  client.check(digestOf(answer.body) === digest, `${repository.name}:${reference} has other bytes`);
  const image = repository.images.find(({ manifest }) => manifest.digest === digest);
  for (const blob of client.choice.some(image?.blobs ?? [], 0.3)) {
    const pulled = await client.send('GET', `${repository.name}/blobs/${blob.digest}`);
    const isRight = pulled?.status !== 200 || digestOf(pulled.body) === blob.digest;
    client.check(isRight, `${repository.name}@${blob.digest} has other bytes`);
  }
}
