import { spawnSync } from 'node:child_process';
import { CliError, exitCodes } from '../cli-error.ts';

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
    { encoding: 'utf8', timeout: 60_000, shell: process.platform === 'win32' },
  );
  if (error !== undefined) {
    throw new CliError('the Azure CLI (az) cannot be run', exitCodes.failed, { cause: error });
  }
  const token = stdout.trim();
  if (status === 0 && token !== '') return token;
  throw new CliError('the Azure CLI gave no token; try az login', exitCodes.denied, {
    details: stderr.trim().split('\n').slice(-3),
  });
}
