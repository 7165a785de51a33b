import type { RepositoryName } from '../../domain/repository-name.ts';
import { blockIdOf, newStagingName, stagingOwnerOf } from '../../domain/staging-name.ts';
import { contended } from '../contention.ts';
import type { Registry } from '../registry.ts';
import { ensureCatalogued } from '../repositories/catalog.ts';
import { repositoryPartition, uploadKey } from '../rows/row-keys.ts';
import { limits } from '../settings.ts';
import { type DirectCaps, takePlace } from './direct-places.ts';
import {
  directIdPrefix,
  directProperties,
  type DirectSession,
  type Pusher,
  tokenKey,
} from './direct-session.ts';
import { newSession } from './upload-session.ts';

/**
 * Starts a direct upload: the session and its work row in one transaction. Undefined when the
 * principal holds as much as it may (direct-places.ts). Costs one request, and once a minute two
 * more.
 */
export async function startDirectUpload(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
  caps: DirectCaps = limits,
): Promise<DirectSession | undefined> {
  await ensureCatalogued(registry, repository);
  if (!(await takePlace(registry, repository, pusher, caps))) return undefined;
  const { subject } = pusher;
  const staging = newStagingName(stagingOwnerOf(subject), registry.clock.now());
  const id = `${directIdPrefix}${tokenKey(pusher)}:${staging}`;
  const session: DirectSession = {
    ...newSession(registry, { id, subject, algorithm: 'sha256' }),
    staging,
    blockId: blockIdOf(staging),
    claimedForMs: undefined,
  };
  const outcome = await registry.tables.commit('repo', repositoryPartition(repository), [
    { kind: 'insert', rowKey: uploadKey(id), properties: directProperties(session) },
    { kind: 'insert', rowKey: session.workKey, properties: {} },
  ]);
  if (!outcome.ok) throw contended();
  return { ...session, etag: outcome.etags[0] ?? '' };
}
