import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { lighterCommand } from './lighter-command.ts';
import { scriptedRegistry } from './scripted-registry.ts';

const lighter = lighterCommand(tmpdir());

test.each([
  ['x', '"x"'],
  ['"x"', '"x"'],
  ['W/"x"', 'W/"x"'],
  ['*', '*'],
])('policy apply --if-match %s asks for %s', async (given, asked) => {
  let ifMatch: string | undefined;
  const { host } = await scriptedRegistry(({ method, headers }) => {
    if (method === 'PUT') ifMatch = headers['if-match'];
    return { body: { access_token: 'token' } };
  });
  const apply = ['-r', host, 'policy', 'apply', '-', '--if-match', given];
  expect(await lighter(apply, '{}')).toMatchObject({ code: 0 });
  expect(ifMatch).toBe(asked);
});
