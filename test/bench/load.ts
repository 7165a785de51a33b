import { Connection, type Answer } from './connection.ts';

export interface Load {
  readonly port: number;
  readonly concurrency: number;
  readonly seconds: number;
  /** The request with that running number, as it goes over the wire. */
  readonly request: (index: number) => Uint8Array;
}

/**
 * Sends requests on as many connections for the given time, after a shorter warm-up, and waits for
 * the last answers. Throws when one is not 200.
 */
export async function requestsPerSecond(load: Load): Promise<number> {
  const connections = Array.from({ length: load.concurrency }, () => new Connection(load.port));
  await run(connections, load, load.seconds / 3);
  const rate = await run(connections, load, load.seconds);
  for (const connection of connections) connection.close();
  return rate;
}

async function run(
  connections: readonly Connection[],
  { request }: Load,
  seconds: number,
): Promise<number> {
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  let sent = 0;
  await Promise.all(
    connections.map(async (connection) => {
      do expectStatus(await connection.send(request(sent++)), 200);
      while (performance.now() < endMs);
    }),
  );
  return (sent / (performance.now() - startedMs)) * 1000;
}

/** Throws, with what was answered, when it is not as expected. */
export function expectStatus(answer: Answer, status: number): Answer {
  if (answer.status === status) return answer;
  const { head, body } = answer;
  throw new Error(`${status} was expected:\n${head}${body.toString('utf8').slice(0, 500)}`);
}

/** Runs a task for each number below `count`, so many at a time. */
export async function forEachNumber(
  count: number,
  concurrency: number,
  task: (index: number, worker: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: concurrency }, async (_, worker) => {
      while (next < count) await task(next++, worker);
    }),
  );
}
