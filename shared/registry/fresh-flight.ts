/**
 * Shares reads between requests without ever giving one an answer older than the request: a caller
 * joins only a read that starts after the caller arrived. At most one read of a key is under way
 * and one waits.
 */
export class FreshFlight<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #waiting = new Map<string, Promise<T>>();

  read(key: string, read: () => Promise<T>): Promise<T> {
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting;
    const running = this.#running.get(key);
    if (running === undefined) return this.#start(key, read);

    const next = running.then(
      () => this.#takeOff(key, read),
      () => this.#takeOff(key, read),
    );
    this.#waiting.set(key, next);
    return next;
  }

  #takeOff(key: string, read: () => Promise<T>): Promise<T> {
    this.#waiting.delete(key);
    return this.#start(key, read);
  }

  #start(key: string, read: () => Promise<T>): Promise<T> {
    const flight = read().finally(() => {
      if (this.#running.get(key) === flight) this.#running.delete(key);
    });
    this.#running.set(key, flight);
    return flight;
  }
}
