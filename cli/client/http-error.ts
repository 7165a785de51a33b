import * as v from 'valibot';
import { CliError, type ExitCode, exitCodes } from '../cli-error.ts';

const errorBody = v.object({
  errors: v.pipe(
    v.array(
      v.object({
        code: v.string(),
        message: v.optional(v.string(), ''),
        detail: v.optional(v.unknown()),
      }),
    ),
    v.minLength(1),
  ),
});
const problemsDetail = v.object({
  problems: v.array(v.object({ at: v.string(), problem: v.string() })),
});

/** Of a 403 that says nothing of rights: a rule of the policy forbids it to everybody. */
const ruleDetail = v.object({ immutable: v.literal(true) });

const plain = v.union([v.string(), v.number(), v.boolean()]);
const plainDetail = v.record(v.string(), v.union([plain, v.array(plain)]));
const requestDetail = v.strictObject({ requestId: v.string() });
const accessDetail = v.pipe(
  v.array(v.object({ Type: v.string(), Name: v.string(), Action: v.string() })),
  v.minLength(1),
);

/** What a request showed of who sends it; a token: the one the registry gave for the credential. */
export type Shown = 'nothing' | 'credential' | 'foreign-token' | 'token';

/** The CliError of a refusal: the registry's own sentence, and what to do about it. */
export async function errorOf(response: Response, shown: Shown): Promise<CliError> {
  const parsed = v.safeParse(errorBody, await response.json().catch(() => undefined));
  if (!parsed.success) return errorOfStranger(response);
  const [{ message, code, detail } = { message: '', code: '', detail: undefined }] =
    parsed.output.errors;
  const said = message || code;
  const lacks = response.status === 401 && shown === 'token';
  const sentence = lacks ? lacksRight : `${said}${advice(response, shown)}`;
  return new CliError(sentence, exitCodeOf(response.status, detail), {
    details: [...detailsOf(detail), ...(lacks ? [`the registry says: ${said}`] : [])],
  });
}

/** Not to be taken for an answer about what was asked for. */
function errorOfStranger({ status, url }: Response): CliError {
  const { origin } = new URL(url);
  const exitCode = exitCodeOf(status, undefined);
  return new CliError(
    `${origin} answers ${status} as no registry does: is that its address?`,
    exitCode === exitCodes.unavailable ? exitCode : exitCodes.failed,
  );
}

function exitCodeOf(status: number, detail: unknown): ExitCode {
  if (v.is(ruleDetail, detail)) return exitCodes.conflict;
  if (status === 400) return exitCodes.usage;
  if (status === 401 || status === 403) return exitCodes.denied;
  if (status === 404) return exitCodes.notFound;
  if (status === 405 || status === 409 || status === 412) return exitCodes.conflict;
  return status >= 500 || status === 429 ? exitCodes.unavailable : exitCodes.failed;
}

/** The registry's own words are for clients that have no token yet: they come last. */
const lacksRight = 'who is signed in lacks this right (lighter whoami shows what there is)';

function advice({ status, headers }: Response, shown: Shown): string {
  if (status === 401 && shown === 'nothing') return ' (lighter login HOST signs in)';
  if (status === 401 && shown === 'credential')
    return ' (the user or the password is wrong, or has ended)';
  const seconds = headers.get('retry-after');
  return seconds === null ? '' : ` (again in ${seconds} s)`;
}

function detailsOf(detail: unknown): string[] {
  if (detail === undefined || detail === null) return [];
  const parsed = v.safeParse(problemsDetail, detail);
  if (parsed.success) return parsed.output.problems.map(({ at, problem }) => `${at}: ${problem}`);
  if (v.is(requestDetail, detail)) return [`request id ${detail.requestId}`];
  if (v.is(accessDetail, detail)) {
    return detail.map(({ Type, Name, Action }) => `it takes ${Action} of ${Type} ${Name}`);
  }
  if (v.is(plainDetail, detail)) {
    return Object.entries(detail).map(([name, value]) => `${name}: ${[value].flat().join(', ')}`);
  }
  return [typeof detail === 'string' ? detail : JSON.stringify(detail)];
}
