import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { exitCodes } from '../../cli/cli-error.ts';
import { Terminal } from '../../cli/terminal/terminal.ts';

/** A terminal with somebody at it, who types what is written to `keys`. */
function manned() {
  const [keys, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const stdin = Object.assign(keys, { isTTY: true });
  return { keys, stderr, terminal: new Terminal({ json: false, stdin, stdout, stderr }) };
}

test('a secret is asked for, and does not appear', async () => {
  const { keys, stderr, terminal } = manned();
  const secret = terminal.askSecret('password: ');
  keys.write('open sesame\r');
  expect(await secret).toBe('open sesame');
  expect(String(stderr.read())).toBe('password: \n');
});

test.each([
  { name: 'Ctrl-C', key: '\u0003' },
  { name: 'Ctrl-D', key: '\u0004' },
])('$name in place of an answer ends with code 130', async ({ key }) => {
  const secret = manned();
  const asked = expect(secret.terminal.askSecret('password: ')).rejects;
  secret.keys.write(key);
  await asked.toMatchObject({ message: 'interrupted', exitCode: exitCodes.interrupted });
  const { keys, terminal } = manned();
  const confirmed = expect(terminal.confirm('Delete it?', false)).rejects;
  keys.write(key);
  await confirmed.toMatchObject({ exitCode: exitCodes.interrupted });
});

test('only yes agrees', async () => {
  const { keys, terminal } = manned();
  const agreed = terminal.confirm('Delete it?', false);
  keys.write('yes\r');
  await agreed;
  const other = manned();
  const refused = expect(other.terminal.confirm('Delete it?', false)).rejects;
  other.keys.write('\r');
  await refused.toMatchObject({ message: 'nothing was changed', exitCode: exitCodes.failed });
});
