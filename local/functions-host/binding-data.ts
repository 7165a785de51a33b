import type { IncomingMessage } from 'node:http';
import type { RpcTypedData } from './contract.ts';

/**
 * The trigger metadata of an HTTP request: what `request.params` and, under streaming,
 * `request.headers` are made of. Later sources win over earlier ones: the properties of a JSON body
 * that the host has read, the query, the route. Names ignore case and keep the spelling they first
 * came with, and the true headers are added only when nothing is called `headers` yet: so a caller
 * can hide a route parameter (`?PATH=x`) and replace all headers (`?Headers={}`), as on the
 * platform.
 * Source: azure-webjobs-sdk-extensions, HttpTriggerAttributeBindingProvider.GetRequestBindingData.
 */
export function httpBindingData(
  request: IncomingMessage,
  search: string,
  params: Readonly<Record<string, string>>,
  bodyText: string | undefined,
): Record<string, RpcTypedData> {
  const data: Record<string, RpcTypedData> = {};
  const spellings = new Map<string, string>();
  function set(name: string, value: RpcTypedData): void {
    const spelling = spellings.get(name.toLowerCase()) ?? name;
    spellings.set(name.toLowerCase(), spelling);
    data[spelling] = value;
  }

  for (const [name, value] of jsonProperties(bodyText)) {
    if (typeof value === 'string') set(name, { string: value });
    else if (!Array.isArray(value)) set(name, { json: JSON.stringify(value) });
  }
  if (search !== '') {
    const query = new URLSearchParams(search);
    for (const name of new Set(query.keys())) {
      if (name.toLowerCase() !== 'code') set(name, { string: query.getAll(name).join(',') });
    }
  }
  for (const [name, value] of Object.entries(params)) set(name, { string: value });
  if (!spellings.has('headers')) set('Headers', { json: JSON.stringify(joinedHeaders(request)) });
  return data;
}

function jsonProperties(bodyText: string | undefined): readonly [string, unknown][] {
  if (bodyText === undefined || !/^\s*\{/.test(bodyText)) return [];
  try {
    const parsed: unknown = JSON.parse(bodyText);
    return Object.entries(Object(parsed));
  } catch {
    return [];
  }
}

/** Lower-case names, the values of a name that came several times joined with a comma. */
export function joinedHeaders(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, values] of Object.entries(request.headersDistinct)) {
    if (values !== undefined) headers[name] = values.join(',');
  }
  return headers;
}
