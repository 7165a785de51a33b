import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { withoutSecrets } from './child-environment.ts';
import { type StoredCredential, tokenUsername } from './credential.ts';

const dockerConfig = v.object({
  auths: v.optional(
    v.record(
      v.string(),
      v.object({ auth: v.optional(v.string()), identitytoken: v.optional(v.string()) }),
    ),
    {},
  ),
  credsStore: v.optional(v.string()),
  credHelpers: v.optional(v.record(v.string(), v.string()), {}),
});
const helperAnswer = v.object({ Username: v.string(), Secret: v.string() });

/**
 * What `docker login` has stored for a registry's host: in docker's configuration file, or with a
 * credential helper. Undefined when there is nothing, or nothing that can be read.
 */
export function dockerCredential(
  host: string,
  environment: NodeJS.ProcessEnv,
): StoredCredential | undefined {
  const folder = environment['DOCKER_CONFIG'] || join(homedir(), '.docker');
  const config = readConfig(join(folder, 'config.json'));
  if (config === undefined) return undefined;
  const helper = config.credHelpers[host] ?? config.credsStore;
  return (
    (helper === undefined ? undefined : fromHelper(helper, host, environment)) ??
    fromFile(config, host)
  );
}

function readConfig(path: string): v.InferOutput<typeof dockerConfig> | undefined {
  try {
    return v.parse(v.pipe(v.string(), v.parseJson(), dockerConfig), readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function fromFile(
  { auths }: v.InferOutput<typeof dockerConfig>,
  host: string,
): StoredCredential | undefined {
  const { auth, identitytoken } = auths[host] ?? auths[`https://${host}`] ?? {};
  if (identitytoken) return { username: tokenUsername, password: identitytoken };
  const pair = Buffer.from(auth ?? '', 'base64').toString('utf8');
  const colon = pair.indexOf(':');
  if (colon < 1) return undefined;
  return { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** Docker's credential helper protocol: the host on stdin, JSON on stdout. */
function fromHelper(
  helper: string,
  host: string,
  environment: NodeJS.ProcessEnv,
): StoredCredential | undefined {
  if (!/^[\w.-]+$/.test(helper)) return undefined;
  const { status, stdout } = spawnSync(`docker-credential-${helper}`, ['get'], {
    input: host,
    encoding: 'utf8',
    timeout: 30_000,
    env: withoutSecrets(environment),
  });
  if (status !== 0) return undefined;
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), helperAnswer), stdout);
  if (!parsed.success) return undefined;
  const { Username: username, Secret: password } = parsed.output;
  return { username: username === '<token>' ? tokenUsername : username, password };
}
