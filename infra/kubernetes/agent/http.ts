import { describe, Problem } from './problem.ts';

const timeoutMs = 20_000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/**
 * One request, its body read whole, redirects not followed. Throws a Problem that begins with
 * `what` when no answer comes within 20 seconds.
 */
export async function ask(what: string, url: URL, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      ...init,
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  } catch (error) {
    throw new Problem(`${what} at ${url.origin} gives no answer: ${reason(error)}`, {
      cause: error,
    });
  }
}

function reason(error: unknown): string {
  return error instanceof Error && error.name === 'TimeoutError'
    ? `silent for ${timeoutMs / 1000} s`
    : describe(error);
}

/** The fields of a JSON object; none when the text is something else. */
export function jsonFields(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' ? { ...value } : {};
  } catch {
    return {};
  }
}

/** A field of a JSON object that is text; undefined when it is not there or something else. */
export function textField(fields: Readonly<Record<string, unknown>>, name: string) {
  const value = fields[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** What a server says went wrong, in whichever of the usual fields; else the text's beginning. */
export function complaint({ status, text }: Answer): string {
  const fields = jsonFields(text);
  const [first]: unknown[] = Array.isArray(fields['errors']) ? fields['errors'] : [];
  const said =
    textField({ ...Object(first) }, 'message') ??
    textField(fields, 'error_description') ??
    textField(fields, 'message') ??
    textField(fields, 'error') ??
    text.trim();
  const [line = ''] = said.split(/\r?\n/);
  return line === '' ? String(status) : `${status}, ${line.slice(0, 300)}`;
}
