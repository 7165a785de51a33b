import { Problem } from './problem.ts';
import type { Credential } from './registry.ts';

type Login = Pick<Credential, 'username' | 'password'>;
type Fields = Readonly<Record<string, unknown>>;

/**
 * A docker `config.json` with one registry's entry replaced, or taken away without a login; all
 * else is kept. The text may be empty. Throws a Problem when it is no JSON object, since whoever
 * wrote it meant something by it.
 *
 * The entry has `auth` alone, which is what docker writes and the kubelet reads; an identity token
 * the kubelet does not know.
 */
export function withLogin(text: string, host: string, login: Login | undefined): string {
  const config = parse(text);
  const { [host]: _, ...others } = fieldsOf(config['auths']);
  const auths = login === undefined ? others : { ...others, [host]: { auth: encode(login) } };
  return `${JSON.stringify({ ...config, auths }, undefined, 2)}\n`;
}

/** The user name and password that a config.json has for a registry. */
export function loginIn(text: string, host: string): Login | undefined {
  const entry = fieldsOf(fieldsOf(parse(text)['auths'])[host]);
  const { auth, username, password } = entry;
  if (typeof auth === 'string') {
    const [name = '', ...rest] = Buffer.from(auth, 'base64').toString().split(':');
    return { username: name, password: rest.join(':') };
  }
  return typeof username === 'string' && typeof password === 'string'
    ? { username, password }
    : undefined;
}

function parse(text: string): Fields {
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new Problem('it is not a JSON object, and is left as it is');
  }
  return { ...value };
}

const fieldsOf = (value: unknown): Fields => ({ ...Object(value) });

const encode = ({ username, password }: Login): string =>
  Buffer.from(`${username}:${password}`).toString('base64');
