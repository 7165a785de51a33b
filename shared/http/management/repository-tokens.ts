import { findByName } from '../../auth/repository-token-access.ts';
import type { PasswordSlot } from '../../auth/repository-token.ts';
import type { ListedToken } from '../../auth/repository-tokens.ts';
import { isResourceName } from '../../domain/resource-name.ts';
import { RegistryError } from '../../errors.ts';
import { entityTagOf } from '../../policy/entity-tag.ts';
import type { StoredPolicy } from '../../policy/policy-store.ts';
import { readJson, readOptionalJson, wrongDocument } from '../json-request.ts';
import { jsonAnswer } from '../json-response.ts';
import type { RegistryResponse } from '../message.ts';
import type { Call } from '../route.ts';
import { checkDocument } from './check-document.ts';
import { checkConditions } from './conditions.ts';
import type { TokenJson, TokenPasswordMade } from './contract/tokens.ts';
import { passwordDocument, type TokenDocument, tokenDocument } from './token-documents.ts';

const dayMs = 86_400_000;

/** Answers one token with its ETag, without a password. Throws NAME_UNKNOWN. */
export async function getToken({ app, params }: Call): Promise<RegistryResponse> {
  const token = await app.authority.repositoryTokens.get(nameIn(params));
  if (token === undefined) throw unknownToken(nameIn(params));
  return tokenAnswer(token);
}

/**
 * Makes a token, which has no password yet, or changes its scope map and whether it is enabled.
 * Throws UNSUPPORTED 400 for a scope map that is not there or is deleted meanwhile, 412 when a
 * condition does not hold.
 */
export async function putToken({ app, request, params }: Call): Promise<RegistryResponse> {
  const { repositoryTokens, policy } = app.authority;
  const { headers } = request;
  const name = nameIn(params);
  const document = checkDocument(tokenDocument, { name, ...(await readJson(request)) });
  if (document.name.toLowerCase() !== name.toLowerCase()) {
    throw wrongDocument([{ at: '/name', problem: 'must be the name in the path' }]);
  }
  requireScopeMap(await policy.read(), document);
  const before = await repositoryTokens.get(name);
  checkConditions(headers, before && tagOf(before));
  const outcome = await repositoryTokens.put(document.name, document, {
    ifMatch: headers.has('if-match') ? before?.etag : undefined,
    ifNoneMatch: headers.has('if-none-match') && before === undefined ? '*' : undefined,
    requireScopeMap: async () => requireScopeMap(await policy.readFenced(), document),
  });
  if (outcome === 'changed-meanwhile') throw changedMeanwhile();
  const { token, created } = outcome;
  const lastUsedAt = created ? undefined : before?.lastUsedAt;
  const listed = { ...token, ...(lastUsedAt !== undefined && { lastUsedAt }) };
  return tokenAnswer(listed, created ? 201 : 200);
}

/** Throws NAME_UNKNOWN where there is none, UNSUPPORTED 412 when a condition does not hold. */
export async function deleteToken({ app, request, params }: Call): Promise<RegistryResponse> {
  const { repositoryTokens } = app.authority;
  const name = nameIn(params);
  const token = await repositoryTokens.get(name);
  if (token === undefined) throw unknownToken(name);
  checkConditions(request.headers, tagOf(token));
  const isConditional = request.headers.has('if-match');
  const deleted = await repositoryTokens.delete(name, isConditional ? token.etag : '*');
  if (!deleted) throw isConditional ? changedMeanwhile() : unknownToken(name);
  return { status: 204, headers: {} };
}

/** Makes a new password in that slot and answers it, this once. Throws NAME_UNKNOWN. */
export async function generatePassword(call: Call): Promise<RegistryResponse> {
  const { app, request, params } = call;
  const [name, slot] = [possibleNameIn(params), slotIn(params)];
  const document = checkDocument(passwordDocument, await readOptionalJson(request));
  const now = app.registry.clock.now();
  const expiresAt = expiryOf(document, now);
  if (expiresAt !== undefined && expiresAt <= now) {
    throw wrongDocument([{ at: '/expiresAt', problem: 'must be a time to come' }]);
  }
  const password = await app.authority.repositoryTokens.generatePassword(name, slot, expiresAt);
  if (password === undefined) throw unknownToken(name);
  const answer: TokenPasswordMade = {
    name,
    slot,
    password,
    ...(expiresAt !== undefined && { expiresAt: expiresAt.toISOString() }),
  };
  return jsonAnswer(answer);
}

/** Ends the password of that slot, if there is one. Throws NAME_UNKNOWN without the token. */
export async function deletePassword({ app, params }: Call): Promise<RegistryResponse> {
  const name = possibleNameIn(params);
  const found = await app.authority.repositoryTokens.deletePassword(name, slotIn(params));
  if (!found) throw unknownToken(name);
  return { status: 204, headers: {} };
}

/** A token as the API shows it. */
export function tokenJson({ name, scopeMap, enabled, ...token }: ListedToken): TokenJson {
  const { createdAt, lastUsedAt, passwords } = token;
  const shown = passwords.map(({ slot, createdAt: madeAt, expiresAt }) => [
    slot,
    {
      createdAt: madeAt.toISOString(),
      ...(expiresAt !== undefined && { expiresAt: expiresAt.toISOString() }),
    },
  ]);
  return {
    name,
    scopeMap,
    enabled,
    createdAt: createdAt.toISOString(),
    ...(lastUsedAt !== undefined && { lastUsedAt: lastUsedAt.toISOString() }),
    passwords: Object.fromEntries(shown),
  };
}

function tokenAnswer(token: ListedToken, status = 200): RegistryResponse {
  return jsonAnswer(tokenJson(token), { ETag: tagOf(token) }, status);
}

/** Storage's own ETags are weak ones in form. */
function tagOf({ etag }: ListedToken): string {
  return entityTagOf(etag);
}

function expiryOf(
  {
    expiresAt,
    expiresInDays,
  }: { expiresAt?: string | undefined; expiresInDays?: number | undefined },
  now: Date,
): Date | undefined {
  if (expiresInDays !== undefined) return new Date(now.getTime() + expiresInDays * dayMs);
  return expiresAt === undefined ? undefined : new Date(expiresAt);
}

function requireScopeMap(
  { document }: StoredPolicy,
  { scopeMap }: Pick<TokenDocument, 'scopeMap'>,
): void {
  if (findByName(document.scopeMaps, scopeMap) !== undefined) return;
  throw wrongDocument([{ at: '/scopeMap', problem: 'there is no scope map of that name' }]);
}

function nameIn({ name = '' }: Call['params']): string {
  return name;
}

/** A name that no token may have is not looked for. Throws NAME_UNKNOWN. */
function possibleNameIn(params: Call['params']): string {
  const name = nameIn(params);
  if (!isResourceName(name)) throw unknownToken(name);
  return name;
}

/** The route's pattern has no other. */
function slotIn({ slot }: Call['params']): PasswordSlot {
  return slot === 'password2' ? 'password2' : 'password1';
}

function unknownToken(name: string): RegistryError {
  return new RegistryError('NAME_UNKNOWN', {
    message: 'there is no token of that name',
    detail: { name },
  });
}

function changedMeanwhile(): RegistryError {
  return new RegistryError('UNSUPPORTED', { status: 412, message: 'it has changed meanwhile' });
}
