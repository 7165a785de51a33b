import type { Caller } from '../auth/caller.ts';
import type { RepositoryName } from '../domain/repository-name.ts';
import { parseAuthorization, whoShowed } from '../auth/credential.ts';
import { kindOfSubject } from '../auth/identity.ts';
import type { RegistryError, Who } from '../errors.ts';
import type {
  AuditDetails,
  AuditedChange,
  Effect,
  RegistryRequest,
  RegistryResponse,
} from './message.ts';

/** What a line is about (docs/audit.md). */
export type AuditEvent = 'sign-in' | 'denied' | AuditedChange;

/**
 * One line of the audit trail. No password, no token, no signature, no query and no body is ever in
 * one; what a client may choose freely is cut at 256 characters.
 */
export interface AuditLine extends Omit<AuditDetails, 'event'>, Who {
  /** The same in every line, and the first of its fields: what a log is searched for. */
  readonly audit: 'lighter';
  readonly time: string;
  readonly event: AuditEvent;
  /** `error`: a 5xx; whether the change was made is not known. */
  readonly outcome: 'success' | 'refused' | 'error';
  readonly status: number;
  readonly kind?: string;
  /** The right that the request needs. */
  readonly action?: string;
  /** Of the management API: `policy`, `scope-maps`, `tokens` and so on. */
  readonly section?: string;
  readonly repository?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly method: string;
  readonly userAgent: string;
  /** As the client or any proxy wrote it: evidence of nothing. */
  readonly forwardedFor?: string;
  readonly requestId: string;
}

/** What dispatching a request found out about it, as far as it came. */
export interface RequestFacts {
  readonly access?: string;
  /** What the endpoint does when it succeeds. */
  readonly change?: AuditedChange | 'sign-in' | undefined;
  readonly repository?: RepositoryName;
  readonly params?: Readonly<Record<string, string>>;
  readonly caller?: Caller;
}

/** What the request came to. */
export interface RequestOutcome {
  readonly response: RegistryResponse;
  readonly error?: RegistryError | undefined;
}

const maxChars = 256;

/**
 * The line a request leaves in the audit trail; undefined for what leaves none: reading, being
 * asked for a credential, and failing without a change for any other reason than a refusal.
 */
export function auditLine(
  request: RegistryRequest,
  facts: RequestFacts,
  { response, error }: RequestOutcome,
): AuditLine | undefined {
  const { headers, id } = request;
  const { details, ...told } =
    error === undefined ? ofSuccess(facts, response) : ofFailure(request, facts, error);
  if (told.event === undefined) return undefined;
  const { name, reference, digest, tag } = facts.params ?? {};
  const who = whoIs(request, facts, error);
  const principal = details?.principal ?? who.principal;
  const action = actionOf(facts);
  const section = /^\/api\/v1\/([\w-]+)/.exec(request.path)?.[1];
  const forwardedFor = headers.get('x-forwarded-for');
  return {
    audit: 'lighter',
    time: new Date().toISOString(),
    event: told.event,
    outcome: told.outcome,
    status: response.status,
    ...who,
    ...(principal !== undefined && { principal, kind: kindOfSubject(principal) }),
    ...(action !== undefined && { action }),
    ...(section !== undefined && { section }),
    ...(facts.repository !== undefined && { repository: facts.repository }),
    ...(facts.repository === undefined && name !== undefined && { target: cut(name) }),
    ...(reference !== undefined && { reference: cut(reference) }),
    ...(digest !== undefined && { digest: cut(digest) }),
    ...(tag !== undefined && { reference: cut(tag) }),
    ...told.problem,
    ...(lacksRight(who, action, error) && { reason: `lacks ${action}` }),
    ...details,
    method: request.method,
    userAgent: cut(headers.get('user-agent') ?? ''),
    ...(forwardedFor !== null && { forwardedFor: cut(forwardedFor) }),
    requestId: id,
  };
}

/** The line of something the registry did by itself, in a request or by a timer. */
export function effectLine(effect: Effect, request?: RegistryRequest): AuditLine {
  return {
    audit: 'lighter',
    time: new Date().toISOString(),
    outcome: 'success',
    status: 202,
    kind: effect.principal,
    ...effect,
    method: request?.method ?? 'TIMER',
    userAgent: cut(request?.headers.get('user-agent') ?? ''),
    requestId: request?.id ?? '',
  };
}

interface Told {
  readonly event: AuditEvent | undefined;
  readonly outcome: AuditLine['outcome'];
  readonly details?: AuditDetails | undefined;
  readonly problem?: Pick<AuditLine, 'code' | 'reason'>;
}

function ofSuccess({ change }: RequestFacts, { audit }: RegistryResponse): Told {
  if (audit === 'no-change') return { event: undefined, outcome: 'success' };
  const { event = change, ...details } = audit ?? {};
  return { event, outcome: 'success', details };
}

const refusals: ReadonlySet<string> = new Set(['UNAUTHORIZED', 'DENIED', 'TOOMANYREQUESTS']);

function ofFailure(request: RegistryRequest, { change }: RequestFacts, error: RegistryError): Told {
  const { code, message, status } = error;
  const problem = { code, reason: cut(message) };
  if (status >= 500) return { event: change, outcome: 'error', problem };
  // Every client's first request is answered so: it is asked who it is, and nothing is refused.
  const isQuestion =
    code === 'UNAUTHORIZED' &&
    request.headers.get('authorization') === null &&
    change !== 'sign-in';
  const isRefusal = refusals.has(code) && !isQuestion;
  const event = change === 'sign-in' ? change : 'denied';
  return { event: isRefusal ? event : undefined, outcome: 'refused', problem };
}

/** The handler knows best, as who signs in may do so in a form. */
function whoIs(
  { headers }: RegistryRequest,
  { caller, change }: RequestFacts,
  error: RegistryError | undefined,
): Who {
  const shown = whoShowed(parseAuthorization(headers.get('authorization')));
  const admitted = change === 'sign-in' ? undefined : caller?.subject;
  return { ...shown, ...(admitted !== undefined && { principal: admitted }), ...error?.who };
}

/** Where signing is enough, whoever may push pushes; who may neither was asked to push. */
function actionOf({ access, caller, repository }: RequestFacts): string | undefined {
  if (access === undefined || access === 'open') return undefined;
  if (access !== 'sign') return access;
  const may = (action: 'push' | 'sign') =>
    repository !== undefined && caller !== undefined && caller.may(action, repository);
  return may('sign') && !may('push') ? 'sign' : 'push';
}

/** The client is asked to authenticate, in the hope of a wider token; who it is, is known. */
function lacksRight(who: Who, action: string | undefined, error: RegistryError | undefined) {
  return error?.code === 'UNAUTHORIZED' && who.principal !== undefined && action !== undefined;
}

function cut(text: string): string {
  return text.slice(0, maxChars);
}
