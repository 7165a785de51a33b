import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseImage } from '../../cli/commands/options.ts';
import { parseRules } from '../../cli/commands/repository-rules.ts';
import { registryOrigin } from '../../cli/context.ts';
import { formatBytes } from '../../cli/terminal/format.ts';
import { details, jsonText, printable, table } from '../../cli/terminal/table.ts';

test('a table aligns its columns whatever is in them', () => {
  expect(
    table(
      ['A', 'LONG', 'B'],
      [
        ['1', '\u001b[32mok\u001b[39m', 'x'],
        ['22', 'failed', ''],
      ],
    ),
  ).toBe('A   LONG    B\n1   \u001b[32mok\u001b[39m      x\n22  failed\n');
});

test('nothing that a registry says can steer a terminal', () => {
  // oxlint-disable-next-line no-control-regex -- they are what must not be there
  const steering = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(printable(text)).not.toMatch(/[\n]/);
      expect(printable(text)).not.toMatch(steering);
      expect(jsonText({ [text]: text })).not.toMatch(steering);
      expect(JSON.parse(jsonText({ text }))).toEqual({ text });
    }),
  );
});

test('nothing in a cell can steer a terminal, and colours stay', () => {
  const cell = 'a\u001b[2J\nb\u009b1A';
  expect(table(['N'], [[cell]])).toBe('N\na\ufffd[2J\ufffdb\ufffd1A\n');
  expect(details([['n', cell]])).toBe('n  a\ufffd[2J\ufffdb\ufffd1A\n');
  expect(details([['n', '\u001b[32mok\u001b[39m']])).toBe('n  \u001b[32mok\u001b[39m\n');
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
