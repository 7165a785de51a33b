import { createHash } from 'node:crypto';
import type { RepositoryName } from '../../domain/repository-name.ts';
import { blockIdOf, type StagingName } from '../../domain/staging-name.ts';
import type { Row, RowProperties } from '../../ports/table-store.ts';
import type { Registry } from '../registry.ts';
import { keysUnder, repositoryPartition, uploadKey } from '../rows/row-keys.ts';
import type { UploadSession } from '../rows/row-types.ts';
import { parseUploadSession, toProperties } from './upload-row.ts';

/** Who pushes: whose direct uploads a request may finish. */
export interface Pusher {
  readonly subject: string;
  /** The access token's `jti`, when there is one. */
  readonly tokenId: string | undefined;
}

/**
 * An upload whose bytes the client puts straight into storage (row `u:d:<token>:<staging name>`).
 * As every session it names, in `name`, where the blob will lie; the client writes to `staging`,
 * and what it wrote is copied. `prefixDigest` and `offset` say what lies at `name`, once that is
 * proven.
 */
export interface DirectSession extends UploadSession {
  readonly staging: StagingName;
  readonly blockId: string;
  /** How long ago a request began, or last said, that it works on the session. */
  readonly claimedForMs: number | undefined;
}

/** What the ids of direct uploads begin with. */
export const directIdPrefix = 'd:';

/** Whether a session's id is that of a direct upload. */
export const isDirectUpload = (id: string): boolean => id.startsWith(directIdPrefix);

/** The staging blob of a direct upload, which its id names, so that it is known without its row. */
export function stagingNameOf(id: string): StagingName {
  return id.slice(id.lastIndexOf(':') + 1) as StagingName;
}

/** The sessions of one token lie together; those of a credential without one by its principal. */
export function tokenKey({ tokenId, subject }: Pusher): string {
  const identity = tokenId === undefined ? `subject ${subject}` : `token ${tokenId}`;
  return createHash('sha256').update(identity).digest('hex').slice(0, 24);
}

/** Where the client puts the bytes: a URL that writes them, and a secret until its time is over. */
export function writeUrlOf(
  registry: Registry,
  session: DirectSession,
  publicBase: string | undefined,
): Promise<string> {
  return registry.staging.signedBlockUrl(session.staging, session.blockId, {
    sasTtlSeconds: registry.seconds.writeSasTtl,
    ...(publicBase === undefined ? {} : { publicBase }),
  });
}

/** The open direct uploads that were started under the pusher's token. One request. */
export async function sessionsOfToken(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
): Promise<DirectSession[]> {
  const range = keysUnder(`u:${directIdPrefix}${tokenKey(pusher)}:`);
  return await openSessions(registry, repository, pusher, range);
}

/** All open direct uploads of the principal, for when it renewed its token midway. */
export async function sessionsOfPrincipal(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
): Promise<DirectSession[]> {
  return await openSessions(registry, repository, pusher, keysUnder(`u:${directIdPrefix}`));
}

async function openSessions(
  registry: Registry,
  repository: RepositoryName,
  pusher: Pusher,
  range: { readonly from: string; readonly before: string },
): Promise<DirectSession[]> {
  const rows = await registry.tables.list('repo', repositoryPartition(repository), range);
  return rows
    .map(parseDirectSession)
    .filter(({ state, subject }) => state === 'open' && subject === pusher.subject);
}

/** The session as it is now. Undefined when it was published or given up. */
export async function readDirectSession(
  registry: Registry,
  repository: RepositoryName,
  id: string,
): Promise<DirectSession | undefined> {
  const row = await registry.tables.get('repo', repositoryPartition(repository), uploadKey(id));
  const session = row === undefined ? undefined : parseDirectSession(row);
  return session?.state === 'open' ? session : undefined;
}

export type Claim = 'claimed' | 'free';

/** Writes the session under its ETag, as a claim or without one. Undefined when it changed. */
export async function replaceDirectSession(
  registry: Registry,
  repository: RepositoryName,
  session: DirectSession,
  claim: Claim,
): Promise<DirectSession | undefined> {
  const next = { ...session, claimedForMs: claim === 'claimed' ? 0 : undefined };
  const outcome = await registry.tables.commit('repo', repositoryPartition(repository), [
    {
      kind: 'replace',
      rowKey: uploadKey(session.id),
      etag: session.etag,
      properties: directProperties(next),
    },
  ]);
  return outcome.ok ? { ...next, etag: outcome.etags[0] ?? '' } : undefined;
}

export function directProperties(session: DirectSession): RowProperties {
  return { ...toProperties(session), claimed: session.claimedForMs !== undefined };
}

/** A session out of its row. Throws CorruptRow. */
export function parseDirectSession(row: Row): DirectSession {
  const id = row.rowKey.slice(uploadKey('').length);
  const staging = stagingNameOf(id);
  return {
    ...parseUploadSession(id, row),
    staging,
    blockId: blockIdOf(staging),
    claimedForMs: row.properties['claimed'] === true ? row.ageMs : undefined,
  };
}
