/**
 * Something the registry asks gave no word, so that nothing is known: the client is told 503 and
 * when to come back. Each port throws its own kind.
 */
export abstract class Unavailable extends Error {
  readonly retryAfterSeconds: number;

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterSeconds: number },
  ) {
    super(message, { cause: options.cause });
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
