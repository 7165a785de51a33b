import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { once } from 'node:events';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeTestCertificate } from '../harness/certificate.ts';
import { runStartCommand, type StartedCommand } from '../harness/start-command.ts';

let folder: string;
let dataFolder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lighter-start-'));
  dataFolder = join(folder, 'data');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The password that was made up, from the file that the words to type read it from. */
function passwordOf({ stdout }: StartedCommand): string {
  const file = /docker login .* --password-stdin < (\S+)/.exec(stdout)?.[1];
  return file === undefined ? '' : readFileSync(file, 'utf8').trim();
}

/** Makes the command take its stdout for a terminal. */
const onTerminal = {
  NODE_OPTIONS: '--import=data:text/javascript,process.stdout.isTTY=true',
};

function basic(password: string): { authorization: string } {
  return { authorization: `Basic ${btoa(`admin:${password}`)}` };
}

/** Pushes a blob that is large enough for a redirect, and pulls it. */
async function pushAndPullOverTls(lighter: StartedCommand, ca: string | Buffer) {
  const bytes = Buffer.alloc(100_000, 'layer');
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const headers = basic(passwordOf(lighter));
  const send = async (method: string, url: string, body?: Buffer): Promise<IncomingMessage> => {
    const [response]: IncomingMessage[] = await once(
      request(url, { method, ca, headers }).end(body),
      'response',
    );
    if (response === undefined) throw new Error('no response');
    response.resume();
    return response;
  };
  const uploads = `${lighter.url}/v2/tls/blobs/uploads/?digest=${digest}`;
  const push = await send('POST', uploads, bytes);
  const pull = await send('GET', `${lighter.url}/v2/tls/blobs/${digest}`);
  const download = await send('GET', pull.headers.location ?? '');
  return { push: push.statusCode, pull: pull.statusCode, download: download.statusCode };
}

const digestOfEmpty = `sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`;

describe('npm start', () => {
  it('says what to type next, with a password that works, and ends with 0 on Ctrl-C', async () => {
    const lighter = await runStartCommand({ LIGHTER_DATA: dataFolder });
    const host = lighter.url.replace('http://', '');
    const lines = lighter.stdout.split('\n');
    expect(lines[0]).toBe(`Lighter is ready at ${lighter.url} and keeps its data in ${dataFolder}`);
    const passwordFile = join(dataFolder, 'admin-password');
    expect(lines.slice(2, 6)).toEqual([
      '  docker pull  alpine',
      `  docker login ${host} -u admin --password-stdin < ${passwordFile}`,
      `  docker tag   alpine ${host}/alpine`,
      `  docker push  ${host}/alpine`,
    ]);

    const anonymous = await fetch(`${lighter.url}/v2/`);
    const admin = await fetch(`${lighter.url}/v2/`, { headers: basic(passwordOf(lighter)) });
    expect([anonymous.status, admin.status]).toEqual([401, 200]);
    expect(await lighter.end('SIGINT')).toBe(0);
    expect(lighter.stdout).toContain(`Lighter has ended; its data is in ${dataFolder}\n`);
    expect(lighter.stderr).toBe('');
  });

  it('logs one line of JSON a request, the time first, and never the password', async () => {
    const lighter = await runStartCommand({ LIGHTER_DATA: dataFolder });
    const password = passwordOf(lighter);
    await fetch(`${lighter.url}/v2/`, { headers: basic(password) });
    await lighter.end('SIGTERM');
    const logged = lighter.stdout.split('\n').filter((line) => line.startsWith('{'));
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/^\{"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z","requestId":/);
    expect(JSON.parse(logged[0] ?? '')).toMatchObject({ path: '/v2/', status: 200 });
    expect(password).toMatch(/^[0-9a-f]{32}$/);
    expect(lighter.stdout).not.toContain(password);
  });

  it('on a terminal shows the password, and a short line for what is not routine', async () => {
    const lighter = await runStartCommand({ LIGHTER_DATA: dataFolder, ...onTerminal });
    const password = readFileSync(join(dataFolder, 'admin-password'), 'utf8').trim();
    const headers = { ...basic(password), 'user-agent': 'docker/20.10.24 go/go1.19' };
    await fetch(`${lighter.url}/v2/`);
    await fetch(`${lighter.url}/healthz`);
    await fetch(`${lighter.url}/v2/app/manifests/none`, { headers });
    await lighter.end('SIGTERM');
    expect(lighter.stdout).toContain(` -u admin -p ${password}\n`);
    const afterwards = lighter.stdout.split('Ctrl-C ends it.\n')[1] ?? '';
    expect(stripVTControlCharacters(afterwards).split('\n').slice(0, -2)).toEqual([
      expect.stringMatching(
        /^\d\d:\d\d:\d\d  GET     404 +\d+ ms  \/v2\/app\/manifests\/none  docker\/20\.10\.24  [A-Z_]+$/,
      ),
    ]);
  });

  it('keeps its secrets to their owner, and keeps them: password and data survive a restart', async () => {
    const first = await runStartCommand({ LIGHTER_DATA: dataFolder });
    const headers = basic(passwordOf(first));
    const path = `/v2/kept/blobs/uploads/?digest=${digestOfEmpty}`;
    const pushed = await fetch(first.url + path, { method: 'POST', headers });
    await first.end('SIGTERM');
    const modes = await Promise.all(
      ['admin-password', 'storage-key'].map(
        async (name) => (await stat(join(dataFolder, name))).mode & 0o777,
      ),
    );

    const second = await runStartCommand({ LIGHTER_DATA: dataFolder });
    const kept = await fetch(`${second.url}/v2/kept/blobs/${digestOfEmpty}`, {
      method: 'HEAD',
      headers,
    });
    await second.end('SIGTERM');

    expect(pushed.status).toBe(201);
    expect(modes).toEqual([0o600, 0o600]);
    expect(passwordOf(second)).toBe(passwordOf(first));
    expect(kept.status).toBe(200);
  });

  it('starts again at once after everything was killed', async () => {
    const first = await runStartCommand({ LIGHTER_DATA: dataFolder });
    await first.end('SIGKILL');
    const second = await runStartCommand({ LIGHTER_DATA: dataFolder });
    expect(second.stderr).toBe('');
    expect(await second.end('SIGTERM')).toBe(0);
  });

  it('takes the password it is given and does not print it', async () => {
    const password = 'given-by-the-user';
    const lighter = await runStartCommand({
      LIGHTER_DATA: dataFolder,
      LIGHTER_ADMIN_PASSWORD: password,
    });
    const admin = await fetch(`${lighter.url}/v2/`, { headers: basic(password) });
    await lighter.end('SIGTERM');
    expect(admin.status).toBe(200);
    expect(lighter.stdout).toMatch(/docker login \S+ -u admin\n/);
    expect(lighter.stdout).toContain('(password: LIGHTER_ADMIN_PASSWORD)');
    expect(lighter.stdout).not.toContain(password);
  });

  it('tells clients LIGHTER_PUBLIC_URL, in its own words and in the challenge', async () => {
    const lighter = await runStartCommand({
      LIGHTER_DATA: dataFolder,
      LIGHTER_HOST: '0.0.0.0',
      LIGHTER_PUBLIC_URL: 'https://registry.example.com',
    });
    const port = /Listening on http:\/\/0\.0\.0\.0:(\d+)/.exec(lighter.stdout)?.[1];
    const challenge = (await fetch(`http://127.0.0.1:${port}/v2/`)).headers.get('www-authenticate');
    await lighter.end('SIGTERM');
    expect(lighter.stdout).toContain('docker login registry.example.com -u admin');
    expect(challenge).toContain('realm="https://registry.example.com/');
  });

  it('behaves like the Functions host where it hurts when told to', async () => {
    const lighter = await runStartCommand({
      LIGHTER_DATA: dataFolder,
      LIGHTER_HOST_STRICT: '1',
      FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: '10',
    });
    const { status } = await fetch(`${lighter.url}/v2/a/manifests/x`, {
      method: 'PUT',
      headers: basic(passwordOf(lighter)),
      body: 'more than ten bytes',
    });
    await lighter.end('SIGTERM');
    expect(status).toBe(500);
  });

  it('ends with 0 when a signal reaches its storage process, too, as a service manager sends it', async () => {
    const lighter = await runStartCommand({ LIGHTER_DATA: dataFolder }, { ownGroup: true });
    const { hostname, port } = new URL(lighter.url);
    // A request under way, for whose end the registry waits a while before it ends its storage.
    const slow = connect(Number(port), hostname).on('error', () => undefined);
    slow.write(
      `POST /oauth2/token HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: 9\r\n\r\nscope`,
    );
    await sleep(200);
    const exitCode = await lighter.end('SIGTERM');
    slow.destroy();
    expect(exitCode).toBe(0);
  });

  it('speaks TLS with LIGHTER_TLS_CERT and LIGHTER_TLS_KEY', async () => {
    const certificate = await makeTestCertificate();
    const lighter = await runStartCommand({
      LIGHTER_DATA: dataFolder,
      LIGHTER_TLS_CERT: certificate.certFile,
      LIGHTER_TLS_KEY: certificate.keyFile,
    });
    const challenge = await new Promise((resolve) => {
      request(`${lighter.url}/v2/`, { ca: certificate.certificate }, (response) => {
        response.resume();
        resolve(response.headers['www-authenticate']);
      }).end();
    });
    const statuses = await pushAndPullOverTls(lighter, certificate.certificate);
    await lighter.end('SIGTERM');
    await certificate.remove();
    expect(challenge).toContain(`realm="${lighter.url}/`);
    expect(statuses).toEqual({ push: 201, pull: 307, download: 200 });
  });
});

describe('npm start refuses, with one clear line and exit code 1,', () => {
  async function refusal(settings: Readonly<Record<string, string>>): Promise<string> {
    const { exitCode, stdout, stderr } = await runStartCommand({
      LIGHTER_DATA: dataFolder,
      ...settings,
    });
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    return stderr;
  }

  it('a port that is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const address = holder.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const words = await refusal({ LIGHTER_PORT: String(port) });
    holder.close();
    expect(words).toBe(`Port ${port} of 127.0.0.1 is taken. Set LIGHTER_PORT to another one.\n`);
  });

  it('a data folder that another one uses', async () => {
    const first = await runStartCommand({ LIGHTER_DATA: dataFolder });
    const words = await refusal({});
    await first.end('SIGTERM');
    expect(words).toBe(
      `Another Lighter is using the data folder ${dataFolder}. End it, or set LIGHTER_DATA to another folder and LIGHTER_PORT to another port.\n`,
    );
  });

  it('a data folder that cannot be written to', async () => {
    await writeFile(join(folder, 'file'), '');
    const impossible = join(folder, 'file', 'data');
    expect(await refusal({ LIGHTER_DATA: impossible })).toBe(
      `The data folder ${impossible} cannot be used (ENOTDIR). Set LIGHTER_DATA to another one.\n`,
    );
  });

  it('an address that is not its own', async () => {
    expect(await refusal({ LIGHTER_HOST: '192.0.2.77' })).toBe(
      'LIGHTER_HOST is no address of this machine: 192.0.2.77 (EADDRNOTAVAIL).\n',
    );
  });

  it('all bad settings at once, the registry’s own included', async () => {
    const words = await refusal({
      LIGHTER_PORT: '99999',
      LIGHTER_BUNDLE: 'yes',
      LIGHTER_TLS_CERT: join(folder, 'no-such-file'),
      LIGHTER_PUBLIC_URL: 'registry',
      LIGHTER_ANONYMOUS_PULL: 'public/*,a*b',
    });
    expect(words.trim().split('\n')).toEqual([
      'LIGHTER_PORT is not a whole number from 0 to 65535: 99999',
      `LIGHTER_TLS_CERT: the file cannot be read: ${join(folder, 'no-such-file')}`,
      'LIGHTER_TLS_CERT and LIGHTER_TLS_KEY go together.',
      'LIGHTER_BUNDLE is neither 0 nor 1: yes',
      expect.stringContaining('LIGHTER_PUBLIC_URL is not'),
      'LIGHTER_ANONYMOUS_PULL: not a name, a prefix ended by *, or *: a*b',
    ]);
  });

  it('a certificate and a key that are not PEM, after a word on what is no setting', async () => {
    const file = join(folder, 'not-pem');
    await writeFile(file, 'DER');
    const words = await refusal({
      LIGHTER_TLS_CERT: file,
      LIGHTER_TLS_KEY: file,
      LIGHTER_PROT: '5081',
    });
    expect(words.trim().split('\n')).toEqual([
      'LIGHTER_PROT is not a setting.',
      `LIGHTER_TLS_CERT: the file is not PEM with a certificate: ${file}`,
      `LIGHTER_TLS_KEY: the file is not PEM with a private key: ${file}`,
    ]);
  });
});
