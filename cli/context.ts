import { RegistryClient } from './client/registry-client.ts';
import { CliError, exitCodes } from './cli-error.ts';
import { CredentialFile, credentialPath } from './credentials/credential-file.ts';
import { dockerCredential } from './credentials/docker-credentials.ts';
import { tokenUsername } from './credentials/credential.ts';
import type { StoredCredential } from './credentials/credential.ts';
import { Terminal } from './terminal/terminal.ts';

/** The options every command has. */
export interface GlobalOptions {
  readonly registry?: string;
  readonly json?: boolean;
}

/** What a command works with. */
export interface Context {
  readonly terminal: Terminal;
  readonly credentials: CredentialFile;
  readonly environment: NodeJS.ProcessEnv;
  /** The registry the command line, the environment or the last login names. */
  readonly client: () => RegistryClient;
}

export function createContext(options: GlobalOptions, environment: NodeJS.ProcessEnv): Context {
  const { stdin, stdout, stderr } = process;
  const credentials = new CredentialFile(credentialPath(environment));
  return {
    terminal: new Terminal({ json: options.json ?? false, stdin, stdout, stderr }),
    credentials,
    environment,
    client: () => {
      const named = options.registry ?? (environment['LIGHTER_REGISTRY'] || credentials.current());
      if (named === undefined) {
        throw new CliError(
          'which registry? Sign in with lighter login HOST, or give --registry HOST',
          exitCodes.usage,
        );
      }
      const origin = registryOrigin(named);
      return new RegistryClient(origin, credentialFor(origin, credentials, environment));
    },
  };
}

/**
 * `https://host[:port]` of what a person calls the registry; this machine's own is reached without
 * TLS, as docker does, and any other where `http://` is written out.
 */
export function registryOrigin(text: string): string {
  const host = text.replace(/\/+$/, '');
  const url = /^https?:\/\//.test(host) ? host : `${isLoopback(host) ? 'http' : 'https'}://${host}`;
  if (URL.canParse(url) && new URL(url).origin === url.toLowerCase()) return url.toLowerCase();
  throw new CliError(`not the address of a registry: ${text}`, exitCodes.usage);
}

/** In this order: the environment, `lighter login`, `docker login`. */
function credentialFor(
  origin: string,
  file: CredentialFile,
  environment: NodeJS.ProcessEnv,
): StoredCredential | undefined {
  const password = environment['LIGHTER_PASSWORD'];
  if (password) return { username: environment['LIGHTER_USERNAME'] || tokenUsername, password };
  return file.get(origin) ?? dockerCredential(new URL(origin).host, environment);
}

function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/.test(host);
}
