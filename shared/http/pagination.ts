import { RegistryError } from '../errors.ts';

export interface Page {
  readonly limit: number;
  readonly last: string;
}

/**
 * Reads `n` and `last` of a listing. `n` above the maximum is lowered to it. Throws UNSUPPORTED
 * 400.
 */
export function parsePage(query: URLSearchParams, maxLimit: number): Page {
  const n = query.get('n');
  if (n !== null && !/^\d{1,9}$/.test(n)) {
    throw new RegistryError('UNSUPPORTED', { status: 400, message: 'n is not a number' });
  }
  const limit = n === null ? maxLimit : Math.min(Number(n), maxLimit);
  return { limit, last: query.get('last') ?? '' };
}

/**
 * The header that leads to the next page (RFC 8288), relative so that it holds behind any proxy.
 */
export function nextLink(
  path: string,
  parameters: Readonly<Record<string, string>>,
): Record<string, string> {
  return { Link: `<${encodeURI(path)}?${new URLSearchParams(parameters).toString()}>; rel="next"` };
}
