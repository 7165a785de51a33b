import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newPhysicalName } from '../../shared/domain/physical-name.ts';
import {
  blockIds,
  parseUploadSession,
  toProperties,
} from '../../shared/registry/uploads/upload-row.ts';
import type { UploadSession } from '../../shared/registry/rows/row-types.ts';
import { anyDigest, hex } from './arbitraries.ts';

const anySession: fc.Arbitrary<UploadSession> = fc.record({
  id: hex(32),
  name: fc.constant(newPhysicalName(new Date())),
  subject: fc.string(),
  algorithm: fc.constantFrom('sha256', 'sha512'),
  offset: fc.maxSafeNat(),
  runs: fc.array(fc.record({ attempt: hex(8), count: fc.integer({ min: 1, max: 50 }) }), {
    maxLength: 20,
  }),
  prefixDigest: fc.option(anyDigest, { nil: undefined }),
  state: fc.constantFrom('open', 'discarded', 'duplicate'),
  workKey: fc.string({ minLength: 1 }),
  etag: fc.string(),
});

test('a session comes back from its row as it was written', () => {
  fc.assert(
    fc.property(anySession, (session) => {
      const row = { rowKey: `u:${session.id}`, etag: session.etag, ageMs: 0 };
      const properties = toProperties(session);
      expect(parseUploadSession(session.id, { ...row, properties })).toEqual(session);
    }),
  );
});

test('a session of as many runs as there may be blocks comes back, and fits a row', () => {
  const attempts = Array.from({ length: 50_000 }, (_, at) => at.toString(16).padStart(8, '0'));
  fc.assert(
    fc.property(anySession, (session) => {
      const full = { ...session, runs: attempts.map((attempt) => ({ attempt, count: 1 })) };
      const properties = toProperties(full);
      for (const value of Object.values(properties)) {
        // Table Storage: 64 KiB a property, of which text takes two bytes a character.
        if (value instanceof Uint8Array) expect(value.byteLength).toBeLessThanOrEqual(65_536);
        if (typeof value === 'string') expect(value.length).toBeLessThanOrEqual(32_768);
      }
      const row = { rowKey: `u:${session.id}`, etag: session.etag, ageMs: 0 };
      expect(parseUploadSession(session.id, { ...row, properties })).toEqual(full);
    }),
    { numRuns: 3 },
  );
});

test('the ids of its blocks are of one length, all different, and in the order they were staged', () => {
  const distinct = anySession.filter(
    ({ runs }) => new Set(runs.map(({ attempt }) => attempt)).size === runs.length,
  );
  fc.assert(
    fc.property(distinct, (session) => {
      const ids = blockIds(session);
      expect(ids).toHaveLength(session.runs.reduce((sum, { count }) => sum + count, 0));
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}\d{6}$/);
      const attempts = session.runs.flatMap(({ attempt, count }) => Array(count).fill(attempt));
      expect(ids.map((id) => id.slice(0, 8))).toEqual(attempts);
    }),
  );
});
