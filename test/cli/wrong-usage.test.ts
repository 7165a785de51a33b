import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { lighterCommand } from './lighter-command.ts';

const lighter = lighterCommand(tmpdir());

test.each([
  { args: ['token', 'create', 'ci'], what: 'an option that must be there is not' },
  { args: ['repo', 'list', '--limit', 'x'], what: 'the value of an option is no number' },
  { args: ['repo', 'show'], what: 'an argument is missing' },
  { args: ['token', 'revoke', 'ci', '--slot', 'password3'], what: 'there is no such slot' },
  {
    args: ['token', 'create', 'ci', '--scope-map', 'a', '--expires-in-days', '3651'],
    what: 'a password would live longer than it may',
  },
  { args: ['login', 'localhost:1', '-u', 'admin'], what: 'there is nobody to ask for a password' },
  { args: ['tag', 'delete', `app@sha256:${'0'.repeat(64)}`], what: 'a digest stands for a tag' },
  { args: ['token'], what: 'a group has no command' },
  { args: ['tag', 'list', 'Team/App'], what: 'the name of a repository is none' },
  { args: ['deleted', 'list', 'a b'], what: 'an optional name of a repository is none' },
  { args: ['permissions', 'check', 'admin', 'A', 'pull'], what: 'a name among others is none' },
  { args: ['tag', 'show', 'app:v!1'], what: 'a tag is none' },
  { args: ['manifest', 'show', 'app@v1'], what: 'a tag stands for a digest' },
  { args: ['manifest', 'delete', 'app@sha256:123', '-y'], what: 'a digest is cut short' },
  {
    args: ['login', 'localhost:1', '-u', 'admin', '-p', 'x', '--password-stdin'],
    what: 'there are two passwords',
  },
  { args: ['login', 'localhost:1', '-u', 'admin', '--azure'], what: 'there are two identities' },
  { args: ['gc', '--dry-run', '--last'], what: 'two options contradict each other' },
  {
    args: ['-r', 'localhost:1', 'aks', 'attach', 'blue', '--registry-resource-id', 'id'].concat(
      '--bootstrap-password-stdin',
    ),
    what: 'there is a password of nobody',
  },
])('ends with code 2 when $what', async ({ args }) => {
  expect(await lighter(args)).toMatchObject({ code: 2, stdout: '' });
});

test('says what it cannot ask where there is nobody', async () => {
  const { stderr } = await lighter(['login', 'localhost:1', '-u', 'admin']);
  expect(stderr).toBe(
    'lighter: cannot ask "password:": standard input is no terminal\n(lighter login --help)\n',
  );
  const deletion = await lighter(['-r', 'localhost:1', 'tag', 'delete', 'app:v1']);
  expect(deletion.stderr).toContain('--yes agrees');
});

test.each([
  { args: ['tag', 'list'], help: 'lighter tag list --help' },
  { args: ['tag', 'lst'], help: 'lighter tag --help' },
  { args: ['tags', 'list'], help: 'lighter --help' },
  { args: ['-r', 'localhost:1', 'tag', 'set', 'app:v1'], help: 'lighter tag set --help' },
])('says whose help fits: $help', async ({ args, help }) => {
  const { stderr } = await lighter(args);
  expect(stderr).toMatch(/^lighter: /);
  expect(stderr.endsWith(`\n(${help})\n`), stderr).toBe(true);
});

test('says in words why there is no connection', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const plain = await lighter(['-r', `https://127.0.0.1:${port}`, 'repo', 'list']);
  expect(plain).toMatchObject({ code: 5, stderr: expect.stringContaining('speaks no TLS') });
  server.close();
  const closed = await lighter(['-r', `localhost:${port}`, 'repo', 'list']);
  expect(closed).toMatchObject({ code: 5, stderr: expect.stringContaining('ECONNREFUSED') });
});

test('what is no registry is not taken for one that lacks what was asked for', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(404).end('<html>not found</html>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const { code, stderr } = await lighter(['-r', `127.0.0.1:${port}`, 'repo', 'show', 'app']);
  server.close();
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: `lighter: http://127.0.0.1:${port} answers 404 as no registry does: is that its address?\n`,
  });
});

test('help ends with 0, of a command of a group, too', async () => {
  const help = await lighter(['token', 'create', '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('what it may do (required)');
  expect(help.stdout).toContain('--registry <host>');
  expect((await lighter(['gc', '--help'])).stdout).not.toContain('default: false');
});
