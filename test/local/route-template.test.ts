import { describe, expect, it } from 'vitest';
import {
  matchRouteTemplate,
  parseRouteTemplate,
} from '../../local/functions-host/route-template.ts';

function match(template: string, path: string): Record<string, string> | undefined {
  return matchRouteTemplate(parseRouteTemplate(template), path);
}

describe('a literal template', () => {
  it.each([
    ['v2', '/v2'],
    ['v2', '/v2/'],
    ['v2/', '/v2'],
    ['v2', '/V2'],
    ['.well-known/jwks.json', '/.well-known/JWKS.json'],
    ['/', '/'],
  ])('%s matches %s', (template, path) => {
    expect(match(template, path)).toEqual({});
  });

  it.each([
    ['v2', '/'],
    ['v2', '/v2/x'],
    ['v2', '/v2//'],
    ['v2', '//v2'],
    ['v2', '/v22'],
    ['a/b', '/a'],
  ])('%s does not match %s', (template, path) => {
    expect(match(template, path)).toBeUndefined();
  });
});

describe('a parameter', () => {
  it('takes one segment', () => {
    expect(match('tags/{name}', '/tags/Latest')).toEqual({ name: 'Latest' });
    expect(match('tags/{name}', '/tags/a/b')).toBeUndefined();
    expect(match('tags/{name}', '/tags/')).toBeUndefined();
  });

  it('may be left out when it is optional', () => {
    expect(match('tags/{name?}', '/tags')).toEqual({});
    expect(match('tags/{name?}', '/tags/x')).toEqual({ name: 'x' });
  });
});

describe('a catch-all', () => {
  it('takes the rest as it is, with its slashes', () => {
    expect(match('v2/{*path}', '/v2/a/b/')).toEqual({ path: 'a/b/' });
    expect(match('{*path}', '/v2//a')).toEqual({ path: 'v2//a' });
  });

  it('matches nothing, too, and then there is no parameter', () => {
    expect(match('v2/{*path}', '/v2')).toEqual({});
    expect(match('v2/{*path}', '/v2/')).toEqual({});
    expect(match('{*path}', '/')).toEqual({});
  });

  it('does not begin with an empty segment', () => {
    expect(match('v2/{*path}', '/v2//a')).toBeUndefined();
    expect(match('{*path}', '//a')).toBeUndefined();
  });

  it('comes last', () => {
    expect(() => parseRouteTemplate('v2/{*name}/manifests')).toThrow('A catch-all must come last');
  });
});

describe('a regex constraint', () => {
  const manifests = 'v2/{*path:regex(^.+/manifests/[^/]+$)}';
  const digests = 'blobs/{digest:regex(^sha256:[0-9a-f]{{8}}$)}';

  it('may contain slashes', () => {
    expect(match(manifests, '/v2/a/b/manifests/latest')).toEqual({ path: 'a/b/manifests/latest' });
    expect(match(manifests, '/v2/a/b/manifests/latest/')).toBeUndefined();
    expect(match(manifests, '/v2/manifests/latest')).toBeUndefined();
  });

  it('never holds for a value that is missing', () => {
    expect(match('v2/{*path:regex(^.*$)}', '/v2/')).toBeUndefined();
  });

  it('ignores case', () => {
    expect(match(manifests, '/v2/a/MANIFESTS/x')).toEqual({ path: 'a/MANIFESTS/x' });
  });

  it('writes its braces twice', () => {
    expect(match(digests, '/blobs/sha256:01234567')).toEqual({ digest: 'sha256:01234567' });
    expect(match(digests, '/blobs/sha256:0123456')).toBeUndefined();
  });
});

it.each(['{id:int}', '{a}.{b}', '{a=1}', 'x{', '{path:regex([)}'])(
  'refuses %s, which this host would not treat as the real one does',
  (template) => {
    expect(() => parseRouteTemplate(template)).toThrow('route');
  },
);
