import { isResourceId } from './domain/role-assignment.ts';

/** Everything the registry can be told, read once at start. */
export interface Config {
  /** How storage is reached: an account key (local) or the app's managed identity (Azure). */
  readonly storage: {
    readonly blobUrl: string;
    readonly tableUrl: string;
    /** An account of its own for what clients put into storage themselves; else `blobUrl`'s. */
    readonly stagingBlobUrl?: string | undefined;
    readonly credential:
      | { readonly kind: 'key'; readonly accountName: string; readonly accountKey: string }
      | { readonly kind: 'identity'; readonly clientId: string | undefined };
  };
  /**
   * Clients' address of the registry, without a trailing slash; undefined: it follows the Host
   * header (local only).
   */
  readonly publicUrl: string | undefined;
  /** The local host: storage is reached by clients through the registry's own address. */
  readonly local: boolean;
  readonly adminPassword: string | undefined;
  /** Repository patterns that anyone may pull. */
  readonly anonymousPull: readonly string[];
  /** Repository patterns in which a manifest may name blobs that are not there. */
  readonly allowMissingBlobs: readonly string[];
  /** Clients that can put layers straight into storage are told to. */
  readonly directPush: boolean;
  /** The largest upload body that may come with a Content-Length; undefined: any. */
  readonly maxBodyBytes: number | undefined;
  /** Undefined: nobody signs in with Microsoft Entra. */
  readonly entra: EntraConfig | undefined;
  /** Undefined: Azure's role assignments give no rights. */
  readonly roleAssignments: RoleAssignmentsConfig | undefined;
}

/** Where the roles of Entra's principals are read. */
export interface RoleAssignmentsConfig {
  /** The Azure resource that stands for the registry: `/subscriptions/…/sites/…`. */
  readonly resourceId: string;
  /** Origin of Azure Resource Manager: https, or on loopback http. */
  readonly armEndpoint: string;
  /** Of the user-assigned managed identity that asks; undefined: the system-assigned one. */
  readonly clientId: string | undefined;
}

/** The one Entra tenant whose users, service principals and managed identities may sign in. */
export interface EntraConfig {
  /** A lower-case GUID. */
  readonly tenantId: string;
  /** Origin of the identity provider, https. */
  readonly authority: string;
  /** An application of the registry's own whose tokens are accepted: a lower-case GUID. */
  readonly appId: string | undefined;
  /** Whether tokens made for Azure Resource Manager are accepted. */
  readonly acceptArmTokens: boolean;
}

/**
 * Every setting of the function app, with what it means in words for its operator. README.md lists
 * them.
 */
export const settings = {
  LIGHTER_STORAGE_BLOB_URL: 'Blob endpoint of the content storage account.',
  LIGHTER_STORAGE_TABLE_URL: 'Table endpoint of the content storage account.',
  LIGHTER_STAGING_BLOB_URL:
    'Blob endpoint of an account of its own for what clients put straight into storage; the content account unless set.',
  LIGHTER_STORAGE_ACCOUNT_KEY: 'Account key; without it the managed identity is used.',
  LIGHTER_STORAGE_CLIENT_ID:
    'Client id of a user-assigned managed identity; without it the system-assigned one.',
  LIGHTER_PUBLIC_URL:
    'Address clients use, e.g. https://registry.example.com. Required except under npm start.',
  LIGHTER_LOCAL: '1 under the local host: redirects stay on the address of the request.',
  LIGHTER_ADMIN_PASSWORD:
    'Password of the admin account; without it the account is off, or under npm start gets one made up.',
  LIGHTER_ANONYMOUS_PULL: 'Repository patterns anyone may pull, comma separated (public/*).',
  LIGHTER_MAX_BODY_BYTES:
    'Largest layer a client may send as one body with a Content-Length, which the Functions host reads whole into memory. Any size unless set.',
  LIGHTER_DIRECT_PUSH:
    '0: no client puts layers straight into storage; all bytes come through the registry. 1 unless set.',
  LIGHTER_ALLOW_MISSING_BLOBS:
    'Repository patterns in which manifests may name blobs that were never pushed, comma separated.',
  LIGHTER_TENANT_ID:
    'Entra tenant whose users, service principals and managed identities may sign in; without it none.',
  LIGHTER_ACCEPT_ARM_TOKENS:
    '1: also accept Entra tokens made for Azure Resource Manager, which some clients send.',
  LIGHTER_ENTRA_APP_ID:
    'Client id of an app registration whose tokens are accepted, too (audience ID or api://ID).',
  LIGHTER_ENTRA_AUTHORITY: 'Entra’s address, https://login.microsoftonline.com unless set.',
  LIGHTER_RESOURCE_ID:
    'Azure resource id of the registry; role assignments on it, and above it, give rights. Without it none do.',
  LIGHTER_ARM_ENDPOINT:
    'Azure Resource Manager, where role assignments are read: https://management.azure.com unless set.',
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
  const guid = (name: keyof typeof settings) => {
    const text = value(name)?.toLowerCase();
    if (text === undefined || guidPattern.test(text)) return text;
    problems.push(`${name} is not a GUID: ${text}`);
    return undefined;
  };
  const flag = (name: keyof typeof settings, unless: '0' | '1' = '0') => {
    const text = value(name) ?? unless;
    if (text !== '0' && text !== '1') problems.push(`${name} is neither 0 nor 1: ${text}`);
    return text === '1';
  };
  const entra = (): EntraConfig | undefined => {
    const tenantId = guid('LIGHTER_TENANT_ID');
    const authority = url('LIGHTER_ENTRA_AUTHORITY') ?? 'https://login.microsoftonline.com';
    if (!authority.startsWith('https:') || new URL(authority).origin !== authority) {
      problems.push(`LIGHTER_ENTRA_AUTHORITY must be https, a host and a port only: ${authority}`);
    }
    const appId = guid('LIGHTER_ENTRA_APP_ID');
    const acceptArmTokens = flag('LIGHTER_ACCEPT_ARM_TOKENS');
    if (tenantId === undefined && (appId !== undefined || acceptArmTokens)) {
      problems.push(`LIGHTER_TENANT_ID is missing. ${settings.LIGHTER_TENANT_ID}`);
    }
    return tenantId === undefined ? undefined : { tenantId, authority, appId, acceptArmTokens };
  };
  const roleAssignments = (): RoleAssignmentsConfig | undefined => {
    const resourceId = value('LIGHTER_RESOURCE_ID')?.replace(/\/$/, '');
    const armEndpoint = url('LIGHTER_ARM_ENDPOINT') ?? 'https://management.azure.com';
    if (!isArmEndpoint(armEndpoint)) {
      problems.push(`LIGHTER_ARM_ENDPOINT must be https, a host and a port only: ${armEndpoint}`);
    }
    if (resourceId !== undefined && !isResourceId(resourceId)) {
      problems.push(`LIGHTER_RESOURCE_ID is not the id of an Azure resource: ${resourceId}`);
    }
    const clientId = value('LIGHTER_STORAGE_CLIENT_ID');
    return resourceId === undefined ? undefined : { resourceId, armEndpoint, clientId };
  };
  const bytes = (name: keyof typeof settings) => {
    const text = value(name);
    if (text !== undefined && !/^[1-9]\d{0,14}$/.test(text)) {
      problems.push(`${name} is not a number of bytes: ${text}`);
    }
    return text === undefined ? undefined : Number(text);
  };
  const patterns = (name: keyof typeof settings) => {
    const list = (value(name) ?? '')
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean);
    for (const pattern of list) {
      if (!/^(?:\*|[a-z0-9._/-]+\*?)$/.test(pattern))
        problems.push(`${name}: not a name, a prefix ended by *, or *: ${pattern}`);
    }
    return list;
  };

  const blobUrl = requiredUrl('LIGHTER_STORAGE_BLOB_URL');
  const tableUrl = requiredUrl('LIGHTER_STORAGE_TABLE_URL');
  const stagingBlobUrl = url('LIGHTER_STAGING_BLOB_URL');
  const accountKey = value('LIGHTER_STORAGE_ACCOUNT_KEY');
  if (stagingBlobUrl !== undefined && accountKey !== undefined) {
    problems.push(
      'LIGHTER_STAGING_BLOB_URL needs the managed identity: a key is of one account only.',
    );
  }
  const local = flag('LIGHTER_LOCAL');
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
      stagingBlobUrl,
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
    directPush: flag('LIGHTER_DIRECT_PUSH', '1'),
    maxBodyBytes: bytes('LIGHTER_MAX_BODY_BYTES'),
    entra: entra(),
    roleAssignments: roleAssignments(),
  };
  if (problems.length > 0) throw new ConfigError(problems.join('\n'));
  return config;
}

const guidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The app's token is sent there, so it must not go in the clear but to this machine, as tests do.
 */
function isArmEndpoint(text: string): boolean {
  if (!URL.canParse(text) || new URL(text).origin !== text) return false;
  return /^(?:https:|http:\/\/(?:127\.0\.0\.1|localhost|\[::1\]):)/.test(text);
}

function isHttpUrl(text: string): boolean {
  return /^https?:\/\/[^?#"\s]+$/.test(text) && URL.canParse(text);
}

/**
 * `https://account.blob.core.windows.net` or, in Azurite's style, `http://127.0.0.1:10000/account`.
 */
function accountNameOf(blobUrl: string): string {
  if (!URL.canParse(blobUrl)) return '';
  const { hostname, pathname } = new URL(blobUrl);
  const firstSegment = pathname.split('/')[1];
  return firstSegment ? firstSegment : (hostname.split('.')[0] ?? '');
}
