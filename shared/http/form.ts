import { RegistryError } from '../errors.ts';
import { readBody } from './body.ts';
import type { RegistryRequest } from './message.ts';

const maxFormBytes = 64 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads a body of `application/x-www-form-urlencoded`, at most 64 KiB. A request without
 * Content-Type is taken for one. Throws UNSUPPORTED 415 for another type, 413 above the size, 400
 * for what is not UTF-8.
 */
export async function readForm(request: RegistryRequest): Promise<URLSearchParams> {
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== undefined && type !== 'application/x-www-form-urlencoded') {
    throw new RegistryError('UNSUPPORTED', {
      status: 415,
      message: 'the body must be application/x-www-form-urlencoded',
    });
  }
  const body = await readBody(request, maxFormBytes);
  if (body === undefined) {
    throw new RegistryError('SIZE_INVALID', { status: 413, message: 'the form is too large' });
  }
  return new URLSearchParams(decode(body));
}

/**
 * The value of a parameter that must not be repeated (RFC 6749 section 3.2); undefined when absent.
 */
export function singleParameter(form: URLSearchParams, name: string): string | undefined {
  const [value, ...more] = form.getAll(name);
  if (more.length === 0) return value;
  throw new RegistryError('UNSUPPORTED', { status: 400, message: `${name} is given twice` });
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new RegistryError('UNSUPPORTED', {
      status: 400,
      message: 'the form is not UTF-8',
      cause,
    });
  }
}
