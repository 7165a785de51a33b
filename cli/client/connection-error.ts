import { CliError, exitCodes } from '../cli-error.ts';

const untrusted =
  'nobody this machine trusts has signed its certificate (NODE_EXTRA_CA_CERTS=ca.crt trusts one more)';
const noTls = 'it speaks no TLS there (http:// before the address reaches it without)';

/** Node.js has only OpenSSL's words for what happens to everybody once. */
const inWords: Readonly<Record<string, string>> = {
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted,
  SELF_SIGNED_CERT_IN_CHAIN: untrusted,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted,
};

/** The registry could not be asked; the same command may work later. */
export function unanswered(origin: string, cause: unknown): CliError {
  const message = `${origin} does not answer: ${reasonOf(cause)}`;
  return new CliError(message, exitCodes.unavailable, { cause });
}

/** What went wrong below HTTP, without the layers of `fetch`. */
export function reasonOf(error: unknown): string {
  const reason = innermost(error);
  if (!(reason instanceof Error)) return String(reason);
  const code = 'code' in reason ? String(reason.code) : '';
  return inWords[code] ?? (reason.message || reason.name);
}

/** Of several addresses that were tried, the first says why. */
function innermost(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return innermost(error.errors[0]);
  return error instanceof Error && error.cause instanceof Error ? innermost(error.cause) : error;
}
