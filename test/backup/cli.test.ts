import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lighterCommand } from '../cli/lighter-command.ts';
import { testAdminPassword } from '../harness/lighter.ts';
import { digestOf } from '../http/client.ts';
import { registryOfFile } from '../http/registry.ts';
import { wipeTables } from './wipe-tables.ts';

const registry = registryOfFile();

test('lighter backup, restore and rebuild-index do what they say, for people and for machines', async () => {
  const { lighter: app, client, azurite } = registry();
  const home = mkdtempSync(join(tmpdir(), 'lighter-cli-'));
  try {
    const lighter = lighterCommand(home);
    const login = ['login', app.host, '-u', 'admin', '--password-stdin'];
    expect(await lighter(login, testAdminPassword)).toMatchObject({ code: 0 });
    const off = await lighter(['backup', 'now']);
    expect(off).toMatchObject({ code: 6 });
    expect(off.stderr).toContain('the policy has no section backup');
    const file = join(home, 'policy.json');
    writeFileSync(file, '{ "backup": { "keepDays": 3 } }');
    expect(await lighter(['policy', 'apply', file])).toMatchObject({ code: 0 });
    const digest = await client.pushImage('team/app', 'latest');

    const now = await lighter(['backup', 'now', '--json']);
    const { id } = JSON.parse(now.stdout) as { id: string };
    expect((await lighter(['backup', 'list'])).stdout).toMatch(new RegExp(`^${id}  `, 'm'));
    const refused = await lighter(['restore', id]);
    expect(refused).toMatchObject({ code: 6 });
    expect(refused.stderr).toContain('the tables are not empty');
    expect(await lighter(['restore', 'nothing'])).toMatchObject({ code: 4 });
    expect(await lighter(['restore', id, '--existing', 'replace'])).toMatchObject({ code: 2 });

    await wipeTables(azurite);
    const restored = await lighter(['restore', id]);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toMatch(/^lost manifests +0$/m);
    const pulled = await client.send('GET', '/v2/team/app/manifests/latest');
    expect(digestOf(pulled.body)).toBe(digest);
    const again = await lighter(['restore', id, '--existing', 'replace', '--yes', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ finished: true, lostBlobs: 0 });

    // What was pushed within the hour is passed over.
    const rebuilt = await lighter(['rebuild-index', '--repository', 'rescue/blobs', '--json']);
    expect(JSON.parse(rebuilt.stdout)).toMatchObject({ blobs: 2, linked: 0, passedOver: 2 });
    expect((await lighter(['rebuild-index', '--repository', 'Wrong'])).code).toBe(2);
  } finally {
    rmSync(home, { recursive: true });
  }
}, 60_000);
