import type { Who } from '../errors.ts';

/** A request as the registry sees it, whichever platform carried it. */
export interface RegistryRequest {
  readonly method: string;
  /** Percent-decoded path, beginning with `/`, exactly as the platform matched it. */
  readonly path: string;
  readonly query: URLSearchParams;
  /**
   * Scheme and host the client addressed, from its Host header; believed by a local registry only.
   */
  readonly origin: string;
  /**
   * Not to be trusted for anything but what the client itself may say: the platform lets it replace
   * them.
   */
  readonly headers: Headers;
  /** Undefined when the request is known to have none. */
  readonly body: AsyncIterable<Uint8Array> | undefined;
  /** The invocation's id: in the log line, in 5xx bodies, in `X-Ms-Correlation-Request-Id`. */
  readonly id: string;
}

/**
 * A response as the registry makes it. Every body of bytes or text is sent with its Content-Length.
 */
export interface RegistryResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | ReadableStream<Uint8Array>;
  /** What the audit trail tells of it beside what the route says; never sent. */
  readonly audit?: AuditDetails | 'no-change';
  /** What else was done on the way, by the registry itself: a line of the audit trail each. */
  readonly effects?: readonly Effect[];
}

/** Something that the registry did because a rule says so. */
export interface Effect {
  readonly event: AuditedChange;
  /** The registry's part that did it. */
  readonly principal: 'retention';
  readonly repository: string;
  readonly reference?: string;
  readonly digest: string;
  /** The rule that says so. */
  readonly rule: string;
}

/** What only the handler knows of what it did, in the names of docs/audit.md. */
export interface AuditDetails extends Who {
  /** Where the route does more than one thing. */
  readonly event?: AuditedChange;
  /** Of a sign-in, what the token allows. */
  readonly scope?: string;
  /** What was changed, where that is no repository. */
  readonly target?: string;
  readonly reference?: string;
  readonly digest?: string;
  readonly tags?: readonly string[];
  readonly subject?: string;
  /** Of a mount, where the blob was. */
  readonly from?: string;
  readonly attributes?: Readonly<Record<string, boolean>>;
  /** The state that a manifest was put in. */
  readonly quarantine?: string;
  /** How many were deleted. */
  readonly manifests?: number;
  /** The rule by which the registry itself did it. */
  readonly rule?: string;
}

/** What changes something, as the audit trail calls it. */
export const auditedChanges = [
  'manifest.push',
  'manifest.delete',
  'manifest.restore',
  'manifest.quarantine',
  'manifest.release',
  'tag.delete',
  'blob.push',
  'blob.mount',
  'blob.delete',
  'repository.delete',
  'lock.change',
  'policy.change',
  'token.change',
  'gc.run',
  'retention.run',
  'backup.run',
  'restore.run',
  'index.rebuild',
  'storage-audit.run',
] as const;
export type AuditedChange = (typeof auditedChanges)[number];
