const secrets = new Set(['LIGHTER_BOOTSTRAP_PASSWORD', 'LIGHTER_PASSWORD']);

/** For a program that we run: what is meant for us alone it does not get. */
export function withoutSecrets(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !secrets.has(name)));
}
