/**
 * Lets the library make a request out of whatever a caller sent. Callers can replace all headers,
 * through the query or a JSON body, and the Host header becomes part of the URL; where either makes
 * no valid `Request`, the library throws before any handler runs, and the client waits for minutes.
 * Now such a request comes without headers, and so without a credential, or at an address that no
 * route has.
 */
export function tolerateMalformedRequests(): void {
  globalThis.Request = new Proxy(globalThis.Request, {
    construct(target, [input, init]: ConstructorParameters<typeof Request>, newTarget) {
      const attempts = [
        [input, init],
        [input, { ...init, headers: {} }],
        ['http://malformed/', { ...init, headers: {} }],
      ] as const;
      let failure: unknown;
      for (const parameters of attempts) {
        try {
          const request: Request = Reflect.construct(target, parameters, newTarget);
          return request;
        } catch (error) {
          failure = error;
        }
      }
      throw failure;
    },
  });
}
