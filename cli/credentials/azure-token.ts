import { spawnSync } from 'node:child_process';
import { CliError, exitCodes } from '../cli-error.ts';
import { withoutSecrets } from './child-environment.ts';

/** What Entra calls container registries; Lighter accepts tokens made for it, as ACR does. */
const audience = 'https://containerregistry.azure.net';

/** An Entra token of whom `az login` signed in. Throws when the Azure CLI gives none. */
export function azureCliToken(tenant: string | undefined): string {
  const { error, status, stdout, stderr } = spawnSync(
    'az',
    [
      'account',
      'get-access-token',
      `--resource=${audience}`,
      '--query=accessToken',
      '--output=tsv',
      ...(tenant === undefined ? [] : ['--tenant', tenant]),
    ],
    {
      encoding: 'utf8',
      timeout: 60_000,
      env: withoutSecrets(process.env),
      shell: process.platform === 'win32',
    },
  );
  if (error !== undefined) throw cannotRun(error);
  const token = stdout.trim();
  if (status === 0 && token !== '') return token;
  throw new CliError('the Azure CLI gave no token; try az login', exitCodes.denied, {
    details: stderr.trim().split('\n').slice(-3),
  });
}

/** Without it the same command can never work; after a time-out it may. */
function cannotRun(cause: Error): CliError {
  const isMissing = 'code' in cause && cause.code === 'ENOENT';
  return isMissing
    ? new CliError('the Azure CLI (az) cannot be run: is it installed?', exitCodes.usage, { cause })
    : new CliError(`the Azure CLI (az) cannot be run: ${cause.message}`, exitCodes.failed, {
        cause,
      });
}
