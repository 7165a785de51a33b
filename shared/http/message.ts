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
}
