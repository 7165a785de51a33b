import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { requestLine, timedLine } from '../../local/functions-host/request-line.ts';

const at = new Date(2026, 10, 24, 17, 23, 40);
const digest = `sha256:${'0123456789ab'.padEnd(64, 'c')}`;
const request = {
  requestId: '1',
  method: 'PUT',
  path: '/v2/alpine/manifests/latest',
  status: 201,
  milliseconds: 16,
  userAgent: 'docker/20.10.24 go/go1.19.8 git-commit/5d6db84',
};

function shown(changes: object): string | undefined {
  const line = requestLine(JSON.stringify({ ...request, ...changes }), at);
  return line === undefined ? undefined : stripVTControlCharacters(line);
}

describe('a request on a terminal', () => {
  it('is one short line', () => {
    expect(shown({})).toBe(
      '17:23:40  PUT     201     16 ms  /v2/alpine/manifests/latest  docker/20.10.24',
    );
  });

  it('has its digest cut to twelve characters', () => {
    expect(shown({ path: `/v2/alpine/blobs/${digest}` })).toContain(
      '  /v2/alpine/blobs/sha256:0123456789ab  ',
    );
  });

  it.each([
    ['/v2/', 401],
    ['/oauth2/token', 200],
    ['/v1/_ping', 200],
    ['/healthz', 200],
  ])('is hidden when %s is answered with %i, as ever', (path, status) => {
    expect(shown({ path, status })).toBeUndefined();
    expect(shown({ path, status: 503 })).toContain('503');
  });

  it('that fails says the outermost and the innermost cause, without a stack', () => {
    const causes = [
      'Unavailable: read\n    at read (a.ts:1:1)',
      'Error: b',
      'Error: refused\n at c',
    ];
    expect(shown({ status: 503, code: 'UNAVAILABLE', causes })?.split('\n').slice(1)).toEqual([
      '          Unavailable: read',
      '          Error: refused',
    ]);
    expect(shown({ status: 500, causes: ['Error: one'] })?.match(/Error: one/g)).toHaveLength(1);
  });

  it('cannot command the terminal', () => {
    const line = requestLine(
      JSON.stringify({ ...request, path: '/\u001b[2J\n\u009b', userAgent: '\u0007' }),
      at,
    );
    expect(line).toContain('  /?[2J??  ?');
  });
});

describe('what is about no request', () => {
  it.each(['words', '{not JSON', '{"a":1}', ''])('%s is shown as it is', (message) => {
    expect(requestLine(message, at)).toBe(message);
  });
});

describe('a log line for a machine', () => {
  it('has the time first', () => {
    expect(timedLine('{"a":1}', at)).toBe(`{"time":"${at.toISOString()}","a":1}`);
  });

  it.each(['{}', 'words'])('%s stays as it is when it is no JSON with members', (message) => {
    expect(timedLine(message, at)).toBe(message);
  });
});
