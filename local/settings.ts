import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import { ConfigError, readConfig } from '../shared/config.ts';
import { registryEnvironment } from './registry-environment.ts';

/** What `npm start` can be told, read once. */
export interface LocalSettings {
  readonly address: string;
  readonly port: number;
  /** An absolute path. */
  readonly dataFolder: string;
  /** An absolute path; undefined for stdout. */
  readonly auditFile: string | undefined;
  readonly publicUrl: string | undefined;
  readonly tls: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** Undefined: one is generated on the first start and kept. */
  readonly adminPassword: string | undefined;
  readonly strict: boolean;
  readonly maxBodyBytes: number;
  /** Run the bundle instead of the sources. */
  readonly bundle: boolean;
}

/**
 * Every setting of `npm start` besides the registry's own, in words for its user. README.md lists
 * them.
 */
export const localSettings = {
  LIGHTER_PORT: 'Port, 5080 unless set.',
  LIGHTER_HOST: 'Address to listen on, 127.0.0.1 unless set; 0.0.0.0 for all.',
  LIGHTER_DATA: 'Folder that everything is kept in, .lighter unless set.',
  LIGHTER_AUDIT_LOG:
    'File the audit trail is appended to, audit.log in LIGHTER_DATA unless set; - for stdout.',
  LIGHTER_TLS_CERT:
    'File with the certificate chain in PEM; with LIGHTER_TLS_KEY it switches TLS on.',
  LIGHTER_TLS_KEY: 'File with the private key in PEM.',
  LIGHTER_HOST_STRICT:
    '1: behave like the Functions host where it hurts (bodies with a Content-Length buffered and limited, 300 s, no answer after a throw).',
  FUNCTIONS_REQUEST_BODY_SIZE_LIMIT:
    'The strict host’s limit of any request body in bytes, 104857600 unless set.',
  LIGHTER_BUNDLE: '1: run the bundle of npm run build instead of the sources.',
} as const;

/** Settings of the registry that `npm start` understands, too; the others it sets itself. */
type SharedSetting = 'LIGHTER_PUBLIC_URL' | 'LIGHTER_ADMIN_PASSWORD';
type SettingName = keyof typeof localSettings | SharedSetting;

export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment. Throws one SettingsError that lists every problem, a line each, those of
 * the registry's own settings (shared/config.ts) included.
 */
export function readLocalSettings(environment: Environment): LocalSettings {
  const problems: string[] = [];
  const value = (name: SettingName) => environment[name]?.trim() || undefined;

  function integer(name: SettingName, fallback: number, max: number): number {
    const text = value(name);
    if (text === undefined) return fallback;
    const number = Number(text);
    if (/^\d+$/.test(text) && number <= max) return number;
    problems.push(`${name} is not a whole number from 0 to ${max}: ${text}`);
    return fallback;
  }
  function flag(name: SettingName): boolean {
    const text = value(name);
    if (text !== undefined && text !== '0' && text !== '1') {
      problems.push(`${name} is neither 0 nor 1: ${text}`);
    }
    return text === '1';
  }
  function file(name: SettingName): Buffer | undefined {
    const path = value(name);
    if (path === undefined) return undefined;
    try {
      return readFileSync(path);
    } catch {
      problems.push(`${name}: the file cannot be read: ${path}`);
      return undefined;
    }
  }
  function pem(name: SettingName, content: string, label: RegExp): Buffer | undefined {
    const bytes = file(name);
    if (bytes === undefined || label.test(bytes.toString('latin1'))) return bytes;
    problems.push(`${name}: the file is not PEM with a ${content}: ${value(name)}`);
    return undefined;
  }
  function tls(): LocalSettings['tls'] {
    const cert = pem('LIGHTER_TLS_CERT', 'certificate', /-----BEGIN CERTIFICATE-----/);
    const key = pem('LIGHTER_TLS_KEY', 'private key', /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/);
    const given = (['LIGHTER_TLS_CERT', 'LIGHTER_TLS_KEY'] as const).filter((name) => value(name));
    if (given.length === 1) problems.push('LIGHTER_TLS_CERT and LIGHTER_TLS_KEY go together.');
    if (cert === undefined || key === undefined) return undefined;
    try {
      createSecureContext({ cert, key });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push(`LIGHTER_TLS_CERT and LIGHTER_TLS_KEY cannot be used: ${reason}`);
    }
    return { cert, key };
  }

  const dataFolder = resolve(value('LIGHTER_DATA') ?? '.lighter');
  const auditLog = value('LIGHTER_AUDIT_LOG');
  const settings: LocalSettings = {
    address: value('LIGHTER_HOST') ?? '127.0.0.1',
    port: integer('LIGHTER_PORT', 5080, 65_535),
    dataFolder,
    auditFile: auditLog === '-' ? undefined : resolve(auditLog ?? join(dataFolder, 'audit.log')),
    publicUrl: value('LIGHTER_PUBLIC_URL'),
    tls: tls(),
    adminPassword: value('LIGHTER_ADMIN_PASSWORD'),
    strict: flag('LIGHTER_HOST_STRICT'),
    maxBodyBytes: integer(
      'FUNCTIONS_REQUEST_BODY_SIZE_LIMIT',
      104_857_600,
      Number.MAX_SAFE_INTEGER,
    ),
    bundle: flag('LIGHTER_BUNDLE'),
  };
  problems.push(...registryProblems(environment, settings));
  if (problems.length > 0) throw new SettingsError(problems.join('\n'));
  return settings;
}

/** What the registry will say of its settings once storage has its address. */
function registryProblems(environment: Environment, settings: LocalSettings): readonly string[] {
  const storageUrl = 'http://127.0.0.1/lighter';
  try {
    readConfig({
      ...environment,
      ...registryEnvironment({
        storage: { blobUrl: storageUrl, tableUrl: storageUrl, accountKey: 'unknown' },
        adminPassword: settings.adminPassword ?? 'unknown',
        publicUrl: settings.publicUrl,
      }),
    });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return [error.message];
    throw error;
  }
}
