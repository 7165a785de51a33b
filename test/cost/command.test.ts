import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../infra/cost/main.ts', import.meta.url));

test.each([
  { args: ['--bogus', '1'], said: "Unknown option '--bogus'" },
  { args: ['--pulls', 'many'], said: '--pulls is no number: many' },
  { args: ['--prices', '/none'], said: '--prices /none: ENOENT' },
])('npm run cost says what is wrong with $args', ({ args, said }) => {
  const { status, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr).toMatch(new RegExp(`^${said}.*\nThere is --prices, --pulls`));
});
