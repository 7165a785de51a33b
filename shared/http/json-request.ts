import { isObject, type JsonObject } from '../domain/json.ts';
import { RegistryError } from '../errors.ts';
import { readBody } from './body.ts';
import type { RegistryRequest } from './message.ts';

const maxJsonBytes = 64 * 1024;

/** Something that is wrong in a document, and where: a JSON pointer (RFC 6901). */
export interface Problem {
  readonly at: string;
  readonly problem: string;
}

/**
 * Reads a JSON object in UTF-8, at most 64 KiB. Throws UNSUPPORTED 415 without the Content-Type
 * `application/json`, which no page of another site can send unasked; SIZE_INVALID 413 above the
 * size; UNSUPPORTED 400 for what is no object.
 */
export async function readJson(request: RegistryRequest): Promise<JsonObject> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') {
    throw new RegistryError('UNSUPPORTED', {
      status: 415,
      message: 'the body must be JSON, with Content-Type: application/json',
      headers: { Accept: 'application/json' },
    });
  }
  const body = await readBody(request, maxJsonBytes);
  if (body === undefined) throw documentTooLarge(maxJsonBytes);
  const value = parse(body);
  if (isObject(value)) return value;
  throw wrongDocument([{ at: '', problem: 'must be a JSON object' }]);
}

/** As readJson, where a request without a body stands for the empty object. */
export async function readOptionalJson(request: RegistryRequest): Promise<JsonObject> {
  const isEmpty = request.body === undefined || request.headers.get('content-length') === '0';
  return isEmpty ? {} : readJson(request);
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    const said = error instanceof SyntaxError ? error.message : 'not UTF-8';
    throw wrongDocument([{ at: '', problem: `is not JSON: ${said}` }]);
  }
}

/** A document that cannot be taken, with everything that is wrong with it. */
export function wrongDocument(problems: readonly Problem[]): RegistryError {
  return new RegistryError('UNSUPPORTED', {
    status: 400,
    message: 'the document is not valid',
    detail: { problems },
  });
}

export function documentTooLarge(maxBytes: number): RegistryError {
  return new RegistryError('SIZE_INVALID', {
    status: 413,
    message: `the document must not be larger than ${maxBytes / 1024} KiB`,
    detail: { maxBytes },
  });
}
