import { describe, expect, it } from 'vitest';
import { parseRequestTarget } from '../../local/functions-host/request-target.ts';

describe('the path that routes see', () => {
  it.each([
    ['/v2/a/manifests/x', '/v2/a/manifests/x'],
    ['/v2/a%2Fb/manifests/x', '/v2/a/b/manifests/x'],
    ['/v2/a/blobs/sha256%3Aabc', '/v2/a/blobs/sha256:abc'],
    ['/v2/%C3%A9', '/v2/é'],
    ['/v2/%ff%fe', '/v2/%ff%fe'],
    ['/v2/a/../b/./c', '/v2/b/c'],
    ['/v2/a/%2e%2e/b', '/v2/b'],
    ['/v2/a/..', '/v2/'],
    ['/../../v2', '/v2'],
    ['http://host:1/v2/x', '/v2/x'],
  ])('of %s is %s', (raw, path) => {
    expect(parseRequestTarget(raw)?.path).toBe(path);
  });

  it.each(['*', '/v2/%00', '/v2/\u00e9', 'ftp://host/x', ''])('of %s is none: 400', (raw) => {
    expect(parseRequestTarget(raw)).toBeUndefined();
  });
});

describe('the URL that the worker sees', () => {
  it('has the path decoded once and encoded again, the query untouched', () => {
    expect(parseRequestTarget('/v2/a%2Fb%20c%3F/x?n=%2F&last=a+b')?.url).toBe(
      '/v2/a/b%20c%3F/x?n=%2F&last=a+b',
    );
    expect(parseRequestTarget('/v2/%252F')?.url).toBe('/v2/%252F');
  });
});
