/** Everything the registry can be told, read once at start. */
export interface Config {
  /** How storage is reached: an account key (local) or the app's managed identity (Azure). */
  readonly storage: {
    readonly blobUrl: string;
    readonly tableUrl: string;
    readonly credential:
      | { readonly kind: 'key'; readonly accountName: string; readonly accountKey: string }
      | { readonly kind: 'identity'; readonly clientId: string | undefined };
  };
  /** Clients' address of the registry, without a trailing slash; undefined: it follows the Host header (local only). */
  readonly publicUrl: string | undefined;
  /** The local host: storage is reached by clients through the registry's own address. */
  readonly local: boolean;
  readonly adminPassword: string | undefined;
  /** Repository patterns that anyone may pull. */
  readonly anonymousPull: readonly string[];
  /** Repository patterns in which a manifest may name blobs that are not there. */
  readonly allowMissingBlobs: readonly string[];
}

/** Every setting of the function app, with what it means in words for its operator. README.md lists them. */
export const settings = {
  LIGHTER_STORAGE_BLOB_URL: 'Blob endpoint of the content storage account.',
  LIGHTER_STORAGE_TABLE_URL: 'Table endpoint of the content storage account.',
  LIGHTER_STORAGE_ACCOUNT_KEY: 'Account key; without it the managed identity is used.',
  LIGHTER_STORAGE_CLIENT_ID:
    'Client id of a user-assigned managed identity; without it the system-assigned one.',
  LIGHTER_PUBLIC_URL:
    'Address clients use, e.g. https://registry.example.com. Required except under npm start.',
  LIGHTER_LOCAL: '1 under the local host: redirects stay on the address of the request.',
  LIGHTER_ADMIN_PASSWORD:
    'Password of the admin account; without it the account is off, or under npm start gets one made up.',
  LIGHTER_ANONYMOUS_PULL: 'Repository patterns anyone may pull, comma separated (public/*).',
  LIGHTER_ALLOW_MISSING_BLOBS:
    'Repository patterns in which manifests may name blobs that were never pushed, comma separated.',
} as const;

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Reads the environment. Throws one ConfigError that lists every problem, a line each. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const value = (name: keyof typeof settings) => environment[name]?.trim() || undefined;

  const url = (name: keyof typeof settings) => {
    const text = value(name);
    if (text === undefined) return undefined;
    if (isHttpUrl(text)) return text.replace(/\/+$/, '');
    problems.push(`${name} is not an http(s) URL: ${text}`);
    return undefined;
  };
  const requiredUrl = (name: keyof typeof settings) => {
    if (value(name) === undefined) problems.push(`${name} is missing. ${settings[name]}`);
    return url(name) ?? '';
  };
  const patterns = (name: keyof typeof settings) => {
    const list = (value(name) ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean);
    for (const pattern of list) {
      if (!/^(?:\*|[a-z0-9._/-]+\*?)$/.test(pattern))
        problems.push(`${name}: bad pattern ${pattern}`);
    }
    return list;
  };

  const blobUrl = requiredUrl('LIGHTER_STORAGE_BLOB_URL');
  const tableUrl = requiredUrl('LIGHTER_STORAGE_TABLE_URL');
  const accountKey = value('LIGHTER_STORAGE_ACCOUNT_KEY');
  const local = value('LIGHTER_LOCAL') === '1';
  const publicUrl = url('LIGHTER_PUBLIC_URL');
  if (publicUrl !== undefined && new URL(publicUrl).origin !== publicUrl.toLowerCase()) {
    problems.push(`LIGHTER_PUBLIC_URL must be scheme, host and port only: ${publicUrl}`);
  }
  if (!local && publicUrl === undefined) {
    problems.push(`LIGHTER_PUBLIC_URL is missing. ${settings.LIGHTER_PUBLIC_URL}`);
  }
  const config: Config = {
    storage: {
      blobUrl,
      tableUrl,
      credential:
        accountKey === undefined
          ? { kind: 'identity', clientId: value('LIGHTER_STORAGE_CLIENT_ID') }
          : { kind: 'key', accountName: accountNameOf(blobUrl), accountKey },
    },
    publicUrl,
    local,
    adminPassword: value('LIGHTER_ADMIN_PASSWORD'),
    anonymousPull: patterns('LIGHTER_ANONYMOUS_PULL'),
    allowMissingBlobs: patterns('LIGHTER_ALLOW_MISSING_BLOBS'),
  };
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^?#"\s]+$/.test(text) && URL.canParse(text);
}

/** `https://account.blob.core.windows.net` or, in Azurite's style, `http://127.0.0.1:10000/account`. */
function accountNameOf(blobUrl: string): string {
  if (!URL.canParse(blobUrl)) return '';
  const { hostname, pathname } = new URL(blobUrl);
  const firstSegment = pathname.split('/')[1];
  return firstSegment ? firstSegment : (hostname.split('.')[0] ?? '');
}
