/** What the command ends with; scripts decide by it. */
export const exitCodes = {
  ok: 0,
  /** It was asked for and did not work, or a check found something wrong. */
  failed: 1,
  /** The command line, or what it names, is wrong: the same command can never work. */
  usage: 2,
  /** Nobody is signed in, or who is may not do it. */
  denied: 3,
  /** What it is about does not exist. */
  notFound: 4,
  /** The registry or what it needs does not answer; the same command may work later. */
  unavailable: 5,
  /** Somebody changed it meanwhile, or a rule forbids it. */
  conflict: 6,
  /** Ctrl-C, as shells have it, or the end of the input where an answer was asked for. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A failure that its message explains: printed as one line, without a stack. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitCode: ExitCode;
  /** More lines, such as each thing that is wrong in a document. */
  readonly details: readonly string[];

  constructor(
    message: string,
    exitCode: ExitCode = exitCodes.failed,
    options: { readonly details?: readonly string[]; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.exitCode = exitCode;
    this.details = options.details ?? [];
  }
}
