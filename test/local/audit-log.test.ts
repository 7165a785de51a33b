import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keepAudit, keepAuditIn } from '../../local/functions-host/audit-log.ts';
import { timedLine } from '../../local/functions-host/request-line.ts';
import { readLocalSettings } from '../../local/settings.ts';

const line = '{"audit":"lighter","time":"2026-01-01T00:00:00.000Z","event":"sign-in"}';

test('the audit trail is appended to its file, which others may not read, and nothing else is', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lighter-audit-'));
  const file = join(folder, 'audit.log');
  expect(keepAudit(line)).toBe(false);
  keepAuditIn(file);
  expect(keepAudit('{"requestId":"1"}')).toBe(false);
  expect(keepAudit(line)).toBe(true);
  expect(keepAudit(line)).toBe(true);
  expect(await readFile(file, 'utf8')).toBe(`${line}\n${line}\n`);
  expect((await stat(file)).mode & 0o077).toBe(0);
  await rm(folder, { recursive: true });
});

test('a line of the audit trail on stdout is as the registry made it', () => {
  expect(timedLine(line, new Date())).toBe(line);
});

test('the file is audit.log in the data folder unless it is said where, or that it is stdout', () => {
  const auditFile = (settings: Record<string, string>) => readLocalSettings(settings).auditFile;
  expect(auditFile({ LIGHTER_DATA: '/data' })).toBe('/data/audit.log');
  expect(auditFile({ LIGHTER_AUDIT_LOG: '/var/log/lighter' })).toBe('/var/log/lighter');
  expect(auditFile({ LIGHTER_AUDIT_LOG: '-' })).toBeUndefined();
});
