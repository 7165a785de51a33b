import { once } from 'node:events';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { lighterCommand } from './lighter-command.ts';

test('what a registry says of an error cannot steer the terminal', async () => {
  const server = createServer((_request, response) => {
    const message = 'no\u001b[2J\u001b]0;title\u0007';
    response.writeHead(403, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ errors: [{ code: 'DENIED', message, detail: message }] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const lighter = lighterCommand(tmpdir());
  const { code, stderr } = await lighter(['-r', `127.0.0.1:${port}`, 'repo', 'list']);
  server.closeAllConnections();
  server.close();
  expect(code).toBe(3);
  expect(stderr).toContain('lighter: no\ufffd[2J');
  expect(stderr).not.toContain('\u001b');
});
