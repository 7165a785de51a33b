/** A request's target the way it looks to routes and, written anew, to the worker. */
export interface RequestTarget {
  /** Percent-decoded, `%2F` too (the platform's front end decodes it), without dot segments. */
  readonly path: string;
  /** With its question mark, as sent; empty without one. */
  readonly search: string;
  /** The decoded path encoded again, with the search: what `request.url` ends with. */
  readonly url: string;
}

/** Reads a request line's target. Undefined for what the host answers with 400. */
export function parseRequestTarget(raw: string): RequestTarget | undefined {
  const target = raw.startsWith('/') ? raw : pathOfAbsoluteForm(raw);
  if (target === undefined || !/^[\x21-\x7e]+$/.test(target)) return undefined;
  const question = target.indexOf('?');
  const rawPath = question === -1 ? target : target.slice(0, question);
  const search = question === -1 ? '' : target.slice(question);
  if (!rawPath.includes('%') && !rawPath.includes('/.')) {
    return { path: rawPath, search, url: target };
  }
  const path = removeDotSegments(decode(rawPath));
  return path.includes('\0') ? undefined : { path, search, url: encode(path) + search };
}

function pathOfAbsoluteForm(raw: string): string | undefined {
  if (!/^https?:\/\//i.test(raw)) return undefined;
  const url = URL.parse(raw);
  return url === null ? undefined : url.pathname + url.search;
}

/** Decodes each run of escapes that is valid UTF-8 and leaves the others as they are. */
function decode(path: string): string {
  return path.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });
}

function encode(path: string): string {
  return encodeURI(path).replaceAll('?', '%3F').replaceAll('#', '%23');
}

/** RFC 3986 section 5.2.4. */
function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.split('/').slice(1);
  segments.forEach((segment, index) => {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    const endsInDots = segment === '.' || segment === '..';
    if (endsInDots && index === segments.length - 1) kept.push('');
  });
  return `/${kept.join('/')}`;
}
