import { commonPatterns } from '../domain/repository-pattern.ts';
import { parseScopes, type ResourceScope } from '../domain/scope.ts';
import type { Who } from '../errors.ts';
import type { Authority } from './authority.ts';
import { formatScope, unauthorized } from './challenge.ts';
import { type Credential, whoShowed } from './credential.ts';
import { grant } from './grant.ts';
import { patternsAllowing } from './permissions.ts';
import { authenticate, type Principal } from './principal.ts';

/** A request to the token endpoint, of either method. */
export interface TokenRequest {
  readonly credential: Credential;
  /** The `scope` parameters: each may be a list, and there may be several. */
  readonly scopes: readonly string[];
  /** The client would like a refresh token (`offline_token=true`, `access_type=offline`). */
  readonly offline: boolean;
  /**
   * Also answer what the distribution specification has beside `access_token`. docker, skopeo and
   * BuildKit assume 60 seconds without `expires_in`; External Secrets fails on any value that is
   * not a string.
   */
  readonly detailed: boolean;
}

/** The JSON body (distribution "Token authentication"; ACR documents `access_token` alone). */
export interface TokenAnswer {
  readonly access_token: string;
  /** The same token; some simple clients know it by this name only. */
  readonly token?: string;
  readonly expires_in?: number;
  readonly issued_at?: string;
  readonly scope?: string;
  readonly refresh_token?: string;
}

/** The answer, and what the audit trail tells of it. */
export interface SignedIn {
  readonly answer: TokenAnswer;
  readonly who: Who;
  /** What was granted, as a scope parameter. */
  readonly scope: string;
}

/**
 * Trades a credential for an access token to what of the requested scopes it permits. Without a
 * credential the token is anonymous's, if anything at all is open to anonymous pull. From an access
 * token comes no wider and no longer-lived one. A refresh token is handed back only to who
 * presented it, docker would forget a durable password in favour of it, and to whose own token is
 * gone in minutes. Throws UNAUTHORIZED with the challenge of `origin`.
 */
export async function signIn(
  authority: Authority,
  request: TokenRequest,
  origin: string,
): Promise<SignedIn> {
  const { credential } = request;
  const who = whoShowed(credential);
  const audience = new URL(origin).host;
  const principal =
    credential.kind === 'bearer' ? undefined : await authenticate(authority, credential, audience);
  if (principal === undefined) throw unauthorized(origin, undefined, undefined, who);

  const { subject, permissions, expiresAtMs } = principal;
  const nothingIsOpen = permissions.rules.length === 0;
  if (credential.kind === 'none' && nothingIsOpen) {
    throw unauthorized(origin, undefined, undefined, who);
  }

  const access = grant(parseScopes(request.scopes), permissions);
  const issued = await authority.tokens.issueAccess({
    subject,
    audience,
    access,
    mountFrom: mountableBy(principal, access),
    sees: seenBy(principal, access),
    expiresAtMostMs: expiresAtMs,
  });
  const refreshToken = request.offline
    ? await refreshTokenFor(authority, principal, audience)
    : undefined;
  const scope = access.map(formatScope).join(' ');
  const answer: TokenAnswer = {
    access_token: issued.token,
    ...(request.detailed && {
      token: issued.token,
      expires_in: issued.expiresInSeconds,
      issued_at: issued.issuedAt.toISOString(),
      scope,
    }),
    ...(refreshToken !== undefined && { refresh_token: refreshToken }),
  };
  return { answer, who: { ...who, principal: subject }, scope };
}

async function refreshTokenFor(
  { tokens }: Authority,
  { refreshToken, identity }: Principal,
  audience: string,
): Promise<string | undefined> {
  if (refreshToken !== undefined || identity?.kind !== 'federated') return refreshToken;
  return (await tokens.issueRefresh(identity, audience)).token;
}

/**
 * Where a pull sees what is in quarantine: what the token is to pull and the principal may release.
 */
function seenBy(
  { permissions, sees = [] }: Principal,
  access: readonly ResourceScope[],
): readonly string[] {
  const pulled = access.filter(
    ({ type, actions }) =>
      type === 'repository' && actions.includes('pull') && !actions.includes('metadata_write'),
  );
  const released = [...patternsAllowing(permissions, 'metadata_write'), ...sees];
  const names = pulled.map(({ name }) => name);
  return commonPatterns(names, released).slice(0, maxMountPatterns);
}

/** A token stays small enough for a header. */
const maxMountPatterns = 50;

/**
 * Where a push may mount from: all that the principal may pull, as far as patterns can say it, for
 * tokens that allow a push at all.
 */
function mountableBy(
  { permissions, mountFrom = [] }: Principal,
  access: readonly ResourceScope[],
): readonly string[] {
  if (!access.some(({ actions }) => actions.includes('push'))) return [];
  return [...patternsAllowing(permissions, 'pull'), ...mountFrom].slice(0, maxMountPatterns);
}
