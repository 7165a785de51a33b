import { request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestLighter, type TestLighter } from '../harness/lighter.ts';

const appFile = fileURLToPath(new URL('fixtures/app.ts', import.meta.url));
const hostJsonFile = fileURLToPath(new URL('fixtures/host.json', import.meta.url));
const noStorage = {
  blobUrl: 'http://127.0.0.1:1/account',
  tableUrl: 'http://127.0.0.1:1/account',
  accountKey: '',
};

interface Described {
  readonly function: string;
  readonly url: string;
  readonly params: Record<string, string>;
  readonly headers: Record<string, string>;
}

function startApp(options: { strict: boolean; requestTimeoutMs?: number }): Promise<TestLighter> {
  return startTestLighter({
    schedules: true,
    azurite: noStorage,
    appFile,
    hostJsonFile,
    strict: options.strict,
    maxBodyBytes: 1_000_000,
    settings: { TEST_REQUEST_TIMEOUT_MS: String(options.requestTimeoutMs ?? 0) },
  });
}

/** Sends a request whose body is written by `write`, and resolves to its status. */
function send(
  url: string,
  headers: Record<string, string>,
  write: (body: ReturnType<typeof request>) => void,
): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = request(url, { method: 'POST', headers, agent: false });
    outgoing.once('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    outgoing.once('error', (error) => resolve(error.message));
    write(outgoing);
  });
}

/** Whether nothing comes back for a while. */
function isUnanswered(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent: false, timeout: 400 });
    outgoing.once('response', () => resolve(false));
    outgoing.once('timeout', () => outgoing.destroy());
    outgoing.once('error', () => resolve(true));
    outgoing.end();
  });
}

describe.each([{ strict: true }, { strict: false }])('routing (strict: $strict)', ({ strict }) => {
  let lighter: TestLighter;
  beforeAll(async () => {
    lighter = await startApp({ strict });
  });
  afterAll(() => lighter.stop());

  async function describeCall(path: string, init?: RequestInit): Promise<Described> {
    const response = await fetch(lighter.url + path, init);
    const described: Described = JSON.parse(await response.text());
    return described;
  }

  it('picks the function by its route, ignoring case', async () => {
    expect((await describeCall('/v2/')).function).toBe('base');
    expect((await describeCall('/V2')).function).toBe('base');
    expect((await describeCall('/v2/a/manifests/x')).function).toBe('manifests');
    expect((await describeCall(`/v2/a/blobs/sha256:${'0'.repeat(64)}`)).function).toBe('blobs');
  });

  it('tries functions in the order of their names, ignoring case, whatever the order they were registered in', async () => {
    expect((await describeCall('/order/x')).function).toBe('Early');
    expect((await describeCall('/order/x/y')).function).toBe('late');
  });

  it('leaves a method that a route does not take to the routes after it', async () => {
    const { function: picked } = await describeCall('/v2/a/manifests/x', { method: 'DELETE' });
    expect(picked).toBe('zz-rest');
  });

  it('answers 404, not 405, when no route takes the method', async () => {
    const response = await fetch(`${lighter.url}/v2/`, { method: 'OPTIONS' });
    expect(response.status).toBe(404);
  });

  it('gives the handler the decoded route parameter and the URL as the client sent it', async () => {
    const described = await describeCall('/v2/a%2Fb/manifests/x?n=%2F');
    expect(described.params).toEqual({ n: '/', path: 'a/b/manifests/x' });
    expect(described.url).toBe(`${lighter.url}/v2/a/b/manifests/x?n=%2F`);
  });

  it('joins headers that come several times and passes Authorization on', async () => {
    const described = await new Promise<Described>((resolve) => {
      request(
        `${lighter.url}/v2/`,
        { headers: { Accept: ['a/b', 'c/d'], Authorization: 'Bearer x' } },
        (response) => {
          response.setEncoding('utf8').once('data', (text: string) => resolve(JSON.parse(text)));
        },
      ).end();
    });
    expect(described.headers).toMatchObject({ accept: 'a/b,c/d', authorization: 'Bearer x' });
  });

  it('lets the query replace all headers, as the platform does', async () => {
    const described = await describeCall(`/v2/?Headers=${encodeURIComponent('{"x-a":"1"}')}`, {
      headers: { authorization: 'Bearer x' },
    });
    expect(described.headers).toEqual({ 'x-a': '1' });
  });

  it('lets the query hide a route parameter by its case, as the platform does', async () => {
    const described = await describeCall('/v2/a/manifests/x?PATH=y');
    expect(described.params).toEqual({ PATH: 'a/manifests/x' });
  });

  it('answers HEAD with the Content-Length the handler gave, and no body', async () => {
    const response = await fetch(`${lighter.url}/download/12345`, { method: 'HEAD' });
    expect(response.headers.get('content-length')).toBe('12345');
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="x"');
  });

  it('keeps a redirect as the handler wrote it', async () => {
    const response = await fetch(`${lighter.url}/redirect`, { redirect: 'manual' });
    expect(response.status).toBe(307);
    expect(response.headers.get('location')).toBe('http://storage/a%2Fb?sig=x%3D');
  });

  it('gives each request an invocation id of its own', async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => (await fetch(`${lighter.url}/v2/`)).headers.get('x-ms-invocation-id')),
    );
    expect(new Set(ids).size).toBe(2);
  });

  it('streams a chunked body to the handler before its end has come', async () => {
    let finish = (): void => undefined;
    const answered = send(`${lighter.url}/first-chunk`, {}, (body) => {
      body.write('part');
      finish = () => body.end();
    });
    expect(await answered).toBe(200);
    finish();
  });

  it('answers 400 to a target that is no path', async () => {
    const status = await new Promise((resolve) => {
      request({ ...urlParts(lighter.url), path: '/v2/%00' }, (response) =>
        resolve(response.statusCode),
      ).end();
    });
    expect(status).toBe(400);
  });
});

function urlParts(url: string): { hostname: string; port: string } {
  const { hostname, port } = new URL(url);
  return { hostname, port };
}

describe('strictly', () => {
  let lighter: TestLighter;
  beforeAll(async () => {
    lighter = await startApp({ strict: true, requestTimeoutMs: 500 });
  });
  afterAll(() => lighter.stop());

  it('reads a body with a Content-Length whole before the handler runs', async () => {
    let isAnswered = false;
    let finish = (): void => undefined;
    const answered = send(`${lighter.url}/first-chunk`, { 'content-length': '8' }, (body) => {
      body.write('part');
      finish = () => body.end('rest');
    }).finally(() => (isAnswered = true));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(isAnswered).toBe(false);
    finish();
    expect(await answered).toBe(200);
  });

  it('refuses a Content-Length above the limit with 500', async () => {
    const status = await send(`${lighter.url}/upload`, { 'content-length': '1000001' }, (body) =>
      body.flushHeaders(),
    );
    expect(status).toBe(500);
  });

  it('takes a body of exactly the limit', async () => {
    const body = Buffer.alloc(1_000_000);
    const response = await fetch(`${lighter.url}/upload`, { method: 'POST', body });
    expect(response.headers.get('range')).toBe('0-1000000');
  });

  it('ends a chunked body at the limit with 413', async () => {
    const status = await send(`${lighter.url}/upload`, {}, (body) => {
      body.write(Buffer.alloc(1_000_001));
    });
    expect(status).toBe(413);
  });

  it("ends an upload that outlasts the library server's request timeout with 408", async () => {
    const status = await send(`${lighter.url}/upload`, {}, (body) => body.write('part'));
    expect(status).toBe(408);
  });

  it('lets a JSON body replace all headers', async () => {
    const response = await fetch(`${lighter.url}/v2/a/manifests/x`, {
      method: 'PUT',
      body: JSON.stringify({ Headers: { 'x-a': '1' } }),
    });
    const described: Described = JSON.parse(await response.text());
    expect(described.headers).toEqual({ 'x-a': '1' });
  });

  it('sends nothing when a handler throws or returns nothing', async () => {
    expect(await isUnanswered(`${lighter.url}/throws`)).toBe(true);
    expect(await isUnanswered(`${lighter.url}/returns-nothing`)).toBe(true);
    expect(lighter.output()).toContain('Function "throws" failed: Error: thrown');
  });
});

describe('leniently', () => {
  let lighter: TestLighter;
  beforeAll(async () => {
    lighter = await startApp({ strict: false });
  });
  afterAll(() => lighter.stop());

  it('streams a body with a Content-Length', async () => {
    let finish = (): void => undefined;
    const answered = send(`${lighter.url}/first-chunk`, { 'content-length': '8' }, (body) => {
      body.write('part');
      finish = () => body.end('rest');
    });
    expect(await answered).toBe(200);
    finish();
  });

  it('has no limit for a body', async () => {
    const body = Buffer.alloc(1_000_001);
    const response = await fetch(`${lighter.url}/upload`, { method: 'POST', body });
    expect(response.headers.get('range')).toBe('0-1000001');
  });

  it('answers 500 when a handler throws or returns nothing', async () => {
    expect((await fetch(`${lighter.url}/throws`)).status).toBe(500);
    expect((await fetch(`${lighter.url}/returns-nothing`)).status).toBe(500);
  });
});

describe('an app without streaming', () => {
  let lighter: TestLighter;
  beforeAll(async () => {
    lighter = await startTestLighter({
      azurite: noStorage,
      appFile: fileURLToPath(new URL('fixtures/buffered-app.ts', import.meta.url)),
      hostJsonFile,
      maxBodyBytes: 1_000,
    });
  });
  afterAll(() => lighter.stop());

  it('gets and gives whole bodies', async () => {
    const init = { method: 'POST', body: 'whole' };
    const response = await fetch(`${lighter.url}/echo/a%20b?q=1`, init);
    expect(response.status).toBe(201);
    expect(response.headers.get('x-name')).toBe('a b');
    expect(response.headers.get('x-query')).toBe('1');
    expect(response.headers.get('content-length')).toBe('5');
    expect(await response.text()).toBe('whole');
  });

  it('sees a chunked body as empty', async () => {
    const body = new Blob(['chunked']).stream();
    const init: RequestInit = { method: 'POST', body, duplex: 'half' };
    expect(await (await fetch(`${lighter.url}/echo/x`, init)).text()).toBe('');
  });

  it('refuses a body above the limit, and answers for handlers that throw or return nothing', async () => {
    const tooLarge = { method: 'POST', body: 'x'.repeat(1_001) };
    expect((await fetch(`${lighter.url}/echo/x`, tooLarge)).status).toBe(500);
    expect((await fetch(`${lighter.url}/nothing`)).status).toBe(204);
    expect((await fetch(`${lighter.url}/throws`)).status).toBe(500);
  });
});

describe('timers', () => {
  let lighter: TestLighter;
  beforeAll(async () => {
    lighter = await startApp({ strict: true });
  });
  afterAll(() => lighter.stop());

  async function ticks(): Promise<unknown[]> {
    return JSON.parse(await (await fetch(`${lighter.url}/ticks`)).text());
  }

  it('run when they are due', async () => {
    await expect.poll(ticks, { timeout: 5_000 }).toContain('fast');
  });

  it('are told what the platform tells them', async () => {
    await lighter.runTimer('tick');
    expect(await ticks()).toContainEqual({
      schedule: { adjustForDST: true },
      scheduleStatus: {
        last: expect.any(String),
        lastUpdated: expect.any(String),
        next: expect.stringMatching(/-01-01T00:00:00.000Z$/),
      },
      isPastDue: false,
    });
  });

  it('of another name do not run', async () => {
    await expect(lighter.runTimer('upload')).rejects.toThrow('No function "upload" has a timer.');
  });
});

it('runs hooks around an invocation, which may replace its result', async () => {
  const lighter = await startApp({ strict: true });
  const hooksRun: unknown = await (await fetch(`${lighter.url}/hooks`)).json();
  await lighter.stop();
  expect(hooksRun).toEqual(['appStart', 'preInvocation', 'handler', 'postInvocation']);
});

it.each([
  ['reserved-route.ts', 'Route "admin/x" of "reserved" is reserved by the host.'],
  [
    'conflicting-routes.ts',
    'Functions "reader" and "writer" claim the same route and method: same/{*path}',
  ],
])('does not start %s, whose route the platform would refuse', async (fixture, words) => {
  const badApp = fileURLToPath(new URL(`fixtures/${fixture}`, import.meta.url));
  const starting = startTestLighter({ azurite: noStorage, appFile: badApp, hostJsonFile });
  await expect(starting).rejects.toThrow(words);
});
