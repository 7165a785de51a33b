import type { ClientSession } from './client-session.ts';
import type { Repository } from './repository.ts';
import { requestAs } from './workload.ts';

/** Releases what is in quarantine, or puts it there, which no client's token allows. */
export async function examine(client: ClientSession, repository: Repository): Promise<void> {
  if (repository.images.length === 0) return;
  const { digest } = client.choice.of(repository.manifests);
  const quarantineState = client.choice.weighted({ Passed: 3, Failed: 1, Quarantined: 1 });
  const path = `/acr/v1/${repository.name}/_manifests/${digest}`;
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ quarantineState });
  const sent = { method: 'PATCH', path, headers, body } as const;
  await requestAs(client.workload.registry, client.choice, sent);
}
