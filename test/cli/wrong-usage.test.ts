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
])('ends with code 2 when $what', async ({ args }) => {
  expect(await lighter(args)).toMatchObject({ code: 2, stdout: '' });
});

test('says what it cannot ask where there is nobody', async () => {
  const { stderr } = await lighter(['login', 'localhost:1', '-u', 'admin']);
  expect(stderr).toBe('lighter: cannot ask "password:": standard input is no terminal\n');
});

test('help ends with 0, of a command of a group, too', async () => {
  const help = await lighter(['token', 'create', '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('what it may do (required)');
});
