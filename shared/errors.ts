/**
 * The one table of error codes. The first fourteen are the closed list of OCI distribution-spec
 * v1.1, "Error Codes"; `UNKNOWN` and `UNAVAILABLE` are the only extras and stand for 5xx.
 */
export const errorTable = {
  BLOB_UNKNOWN: { status: 404, message: 'blob unknown to registry' },
  BLOB_UPLOAD_INVALID: { status: 400, message: 'blob upload invalid' },
  BLOB_UPLOAD_UNKNOWN: { status: 404, message: 'blob upload unknown to registry' },
  DIGEST_INVALID: { status: 400, message: 'provided digest did not match uploaded content' },
  MANIFEST_BLOB_UNKNOWN: { status: 404, message: 'manifest references a blob unknown to registry' },
  MANIFEST_INVALID: { status: 400, message: 'manifest invalid' },
  MANIFEST_UNKNOWN: { status: 404, message: 'manifest unknown to registry' },
  NAME_INVALID: { status: 400, message: 'invalid repository name' },
  NAME_UNKNOWN: { status: 404, message: 'repository name not known to registry' },
  SIZE_INVALID: { status: 400, message: 'provided length did not match content length' },
  UNAUTHORIZED: { status: 401, message: 'authentication required' },
  DENIED: { status: 403, message: 'requested access to the resource is denied' },
  UNSUPPORTED: { status: 405, message: 'the operation is unsupported' },
  TOOMANYREQUESTS: { status: 429, message: 'too many requests' },
  UNKNOWN: { status: 500, message: 'internal error' },
  UNAVAILABLE: { status: 503, message: 'temporarily unavailable, try again' },
} as const satisfies Record<string, { status: number; message: string }>;

export type ErrorCode = keyof typeof errorTable;

/** Whom the audit trail names. No secret is in it. */
export interface Who {
  /** `sub` of the principal's tokens. */
  readonly principal?: string;
  /** What was shown to prove it, in a word. */
  readonly credential?: string;
  /** The user name that came with a wrong password, where it can be no password itself. */
  readonly claimed?: string;
}

export interface RegistryErrorOptions {
  /** Overrides the table's sentence. */
  readonly message?: string;
  /**
   * Overrides the table's status, where a code has a second one (416 of an upload, 413 of a
   * manifest).
   */
  readonly status?: number;
  /** Any JSON value, shown to the client as `detail`. */
  readonly detail?: unknown;
  /** Response headers that belong to the error, such as `Allow` or `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Who is refused, as far as that is known. For the audit trail, never shown. */
  readonly who?: Who | undefined;
  readonly cause?: unknown;
}

/**
 * A refusal the client is told about. Thrown anywhere, serialised in shared/http/error-response.ts
 * only.
 */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: unknown;
  readonly headers: Readonly<Record<string, string>>;
  readonly who: Who;

  constructor(code: ErrorCode, options: RegistryErrorOptions = {}) {
    super(options.message ?? errorTable[code].message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? errorTable[code].status;
    this.detail = options.detail;
    this.headers = options.headers ?? {};
    this.who = options.who ?? {};
  }
}
