import { describe, expect, test } from 'vitest';
import { clientWithAccess } from '../http/access-token.ts';
import { basic, Client, expectProblem, header } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { clientWithManagement, jsonOf } from './api-client.ts';

const closed = registryOfFile();
const open = registryOfFile({ LIGHTER_ANONYMOUS_PULL: 'public/*' });

const whoami = async (client: Client) => {
  const answer = await client.send('GET', '/api/v1/whoami');
  expect(answer.status, answer.body.toString()).toBe(200);
  return jsonOf(answer);
};

describe('whoami', () => {
  test('of the admin account says that it may do everything', async () => {
    expect(await whoami(closed().client)).toEqual({
      subject: 'admin',
      kind: 'admin',
      permissions: {
        rules: [
          {
            repositories: '*',
            actions: ['pull', 'push', 'delete', 'sign', 'metadata_read', 'metadata_write'],
            conditional: false,
          },
        ],
        catalog: true,
        management: ['read', 'write', 'delete'],
      },
    });
  });

  test('of an access token says what it carries', async () => {
    const puller = await clientWithAccess(closed(), { 'team/*': ['pull'] });
    expect(await whoami(puller)).toMatchObject({
      subject: 'test',
      permissions: {
        rules: [{ repositories: 'team/*', actions: ['pull'], conditional: false }],
        catalog: false,
        management: [],
      },
    });
    expect(await whoami(await clientWithManagement(closed(), 'read'))).toMatchObject({
      permissions: { rules: [], management: ['read'] },
    });
  });

  test('answers anonymous where something is open to everybody, and asks for a login elsewhere', async () => {
    expect(await whoami(open().anonymous)).toMatchObject({
      subject: 'anonymous',
      kind: 'anonymous',
      permissions: {
        rules: [{ repositories: 'public/*', actions: expect.arrayContaining(['pull']) }],
      },
    });
    const refused = await closed().anonymous.send('GET', '/api/v1/whoami');
    expectProblem(refused, 401, 'UNAUTHORIZED');
    expect(header(refused, 'WWW-Authenticate')).toMatch(/^Bearer realm=/);
  });

  test('refuses a credential that is wrong, even where something is open', async () => {
    const { lighter } = open();
    const wrong = new Client(lighter.url, basic('admin', 'wrong'));
    expectProblem(await wrong.send('GET', '/api/v1/whoami'), 401, 'UNAUTHORIZED');
  });
});
