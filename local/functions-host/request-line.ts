import { styleText } from 'node:util';
import { isAuditLine } from './audit-log.ts';

/** What the app logs of a request (shared/http/serve.ts), as far as a terminal shows it. */
interface LoggedRequest {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  readonly userAgent: string;
  readonly code: string;
  readonly causes: readonly string[];
}

/**
 * A log line of the app as a terminal shows it: one short line a request, and below a 5xx its
 * outermost and innermost cause. Undefined for what clients ask on their way to every request, when
 * it is answered as ever. A message that is about no request is shown as it is.
 */
export function requestLine(message: string, at: Date): string | undefined {
  const request = parse(message);
  if (request === undefined) return printable(message);
  if (isRoutine(request)) return undefined;
  const { method, path, status, milliseconds, userAgent, code, causes } = request;
  const columns = [
    at.toTimeString().slice(0, 8),
    `${method.padEnd(6)}  ${status}  ${`${milliseconds}`.padStart(5)} ms`,
    path.replace(/(sha256|sha512):([0-9a-f]{12})[0-9a-f]+/g, '$1:$2'),
    userAgent.split(' ', 1)[0] ?? '',
    code,
  ];
  const line = columns.filter(Boolean).map(printable).join('  ');
  const reasons = outermostAndInnermost(causes).map((cause) => `          ${printable(cause)}`);
  return painted([line, ...reasons].join('\n'), status);
}

/** The same log line for a machine: JSON with the time first. */
export function timedLine(message: string, at: Date): string {
  if (!message.startsWith('{"') || isAuditLine(message)) return message;
  return `{"time":"${at.toISOString()}",${message.slice(1)}`;
}

function parse(message: string): LoggedRequest | undefined {
  if (!message.startsWith('{')) return undefined;
  let line: Partial<Record<keyof LoggedRequest, unknown>>;
  try {
    line = JSON.parse(message);
  } catch {
    return undefined;
  }
  const { method, path, status, milliseconds, userAgent, code, causes } = line;
  if (typeof method !== 'string' || typeof path !== 'string') return undefined;
  return {
    method,
    path,
    status: Number(status),
    milliseconds: Number(milliseconds),
    userAgent: typeof userAgent === 'string' ? userAgent : '',
    code: typeof code === 'string' ? code : '',
    causes: Array.isArray(causes) ? causes.map(String) : [],
  };
}

const routineAnswers: Readonly<Record<string, number>> = {
  '/v2/': 401,
  '/oauth2/token': 200,
  '/v1/_ping': 200,
  '/healthz': 200,
};

function isRoutine({ path, status }: LoggedRequest): boolean {
  return routineAnswers[path] === status;
}

function outermostAndInnermost(causes: readonly string[]): readonly string[] {
  const messages = causes.map((stack) => stack.split('\n', 1)[0] ?? '');
  return [...new Set([messages[0], messages.at(-1)])].filter((each) => each !== undefined);
}

/** A path or a user agent comes from anybody, and a terminal obeys control characters. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

/** Where the terminal has colours and NO_COLOR does not forbid them. */
function painted(text: string, status: number): string {
  if (status < 400) return text;
  return styleText(status < 500 ? 'yellow' : 'red', text);
}
