import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseImage } from '../../cli/commands/options.ts';
import { parseRules } from '../../cli/commands/repository-rules.ts';
import { registryOrigin } from '../../cli/context.ts';
import { formatBytes } from '../../cli/terminal/format.ts';
import { details, jsonText, printable, table } from '../../cli/terminal/table.ts';

const green = (text: string) => ({
  text,
  paint: (harmless: string) => `\u001b[32m${harmless}\u001b[39m`,
});

test('a table aligns its columns whatever is in them', () => {
  expect(
    table(
      ['A', 'LONG', 'B'],
      [
        ['1', green('ok'), 'x'],
        ['22', 'failed', ''],
      ],
    ),
  ).toBe('A   LONG    B\n1   \u001b[32mok\u001b[39m      x\n22  failed\n');
});

// oxlint-disable-next-line no-control-regex -- they are what must not be there
const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;
/** Turn the direction of the text after them: `exe.png` is shown for a name that ends otherwise. */
const turning = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;
const hostile = fc.string({
  unit: fc.oneof(
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    fc.constantFrom(
      '\u061c',
      '\u200e',
      '\u200f',
      '\u202a',
      '\u202e',
      '\u2066',
      '\u2069',
      '\u001b[8m',
    ),
  ),
});

test('nothing that a registry says can steer a terminal or turn its text', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const shown = [
        printable(text),
        jsonText({ [text]: text }),
        table(['N'], [[text], [text]]),
        details([['n', text]]),
      ];
      expect(shown[0]).not.toMatch(/[\n]/);
      for (const each of shown) {
        expect(each).not.toMatch(steering);
        expect(each).not.toMatch(turning);
      }
      expect(JSON.parse(jsonText({ text }))).toEqual({ text });
    }),
  );
});

test('nothing in a cell can steer a terminal, not by a colour either, and ours stay', () => {
  const cell = 'a\u001b[2J\nb\u009b1A';
  expect(table(['N'], [[cell]])).toBe('N\na\ufffd[2J\ufffdb\ufffd1A\n');
  expect(details([['n', cell]])).toBe('n  a\ufffd[2J\ufffdb\ufffd1A\n');
  expect(table(['N'], [['a\u001b[8m']])).toBe('N\na\ufffd[8m\n');
  expect(details([['n', 'x\u001b[30m']])).toBe('n  x\ufffd[30m\n');
  expect(details([['n', green('o\u001b[8mk')]])).toBe('n  \u001b[32mo\ufffd[8mk\u001b[39m\n');
});

test('bytes are told in the unit that keeps them short', () => {
  expect([0, 1023, 1024, 1536, 1024 ** 3, 5e15].map(formatBytes)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '1.0 GiB',
    '4547 TiB',
  ]);
});

test('an image is a repository with a tag or a digest', () => {
  expect(parseImage('team/app:v1')).toEqual({ repository: 'team/app', reference: 'v1' });
  const digest = `sha256:${'0'.repeat(64)}`;
  expect(parseImage(`app@${digest}`)).toEqual({ repository: 'app', reference: digest });
  expect(() => parseImage('app')).toThrow();
});

test('a rule is patterns and actions, or a short word for them', () => {
  expect(parseRules(['team/*,app=push', 'x=content/read'])).toEqual([
    {
      repositories: ['team/*', 'app'],
      actions: ['content/read', 'content/write', 'metadata/read'],
    },
    { repositories: ['x'], actions: ['content/read'] },
  ]);
  expect(() => parseRules(['team/*'])).toThrow('--allow');
});

test('only this machine is reached without TLS, unless http is written out', () => {
  expect(registryOrigin('registry.example.com')).toBe('https://registry.example.com');
  expect(registryOrigin('localhost:5000')).toBe('http://localhost:5000');
  expect(registryOrigin('http://lan:5000/')).toBe('http://lan:5000');
  expect(() => registryOrigin('a/b')).toThrow();
});
