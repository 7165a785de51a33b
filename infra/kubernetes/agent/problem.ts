/**
 * Something that the people who run the cluster can act on. Its message is one sentence that says
 * what was tried and what came of it; it is all that is shown.
 */
export class Problem extends Error {
  override readonly name = 'Problem';
}

/** What went wrong, with the reasons beneath it, in one line. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof Problem || error.cause === undefined) return error.message;
  // What fetch throws says nothing itself.
  const cause = describe(error.cause);
  return error.message === 'fetch failed' ? cause : `${error.message}: ${cause}`;
}
