import { X509Certificate } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import type { LocalSettings } from './settings.ts';

export interface Welcome {
  readonly settings: LocalSettings;
  readonly port: number;
  /** The password that was made up, and the file it is in. */
  readonly adminPassword: string;
  readonly adminPasswordFile: string;
  /** Whether somebody reads it on a terminal; a log must not have the password. */
  readonly onTerminal: boolean;
}

/** What to type next, with the real address, user and, on a terminal, password. */
export function welcome(words: Welcome): string {
  const { settings, port } = words;
  const scheme = settings.tls === undefined ? 'http' : 'https';
  const host = settings.publicUrl?.replace(/^https?:\/\//, '') ?? `${reachable(settings)}:${port}`;
  const url = settings.publicUrl ?? `${scheme}://${host}`;
  return [
    `Lighter is ready at ${url} and keeps its data in ${settings.dataFolder}`,
    ...networkNote(settings, scheme, port),
    '',
    '  docker pull  alpine',
    `  docker login ${host} -u admin${passwordOption(words)}`,
    `  docker tag   alpine ${host}/alpine`,
    `  docker push  ${host}/alpine`,
    '',
    ...(settings.adminPassword === undefined ? [] : ['(password: LIGHTER_ADMIN_PASSWORD)', '']),
    'Ctrl-C ends it.',
    '',
  ].join('\n');
}

function passwordOption(words: Welcome): string {
  if (words.settings.adminPassword !== undefined) return '';
  if (words.onTerminal) return ` -p ${words.adminPassword}`;
  return ` --password-stdin < ${quoted(words.adminPasswordFile)}`;
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

const wildcards = ['0.0.0.0', '::'];

function reachable({ address, tls }: LocalSettings): string {
  if (!wildcards.includes(address)) return inUrl(address);
  return (tls && certifiedName(tls.cert)) ?? '127.0.0.1';
}

/**
 * The first name, or else address, that a certificate is for; of a chain, the first certificate.
 */
function certifiedName(certificate: Buffer): string | undefined {
  const names = new X509Certificate(certificate).subjectAltName?.split(', ') ?? [];
  const [name] = names.filter((each) => /^DNS:[^*"]+$/.test(each));
  const [ip] = names.filter((each) => each.startsWith('IP Address:'));
  return name?.slice('DNS:'.length) ?? (ip && inUrl(ip.slice('IP Address:'.length)));
}

function inUrl(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

function networkNote(
  { address, publicUrl }: LocalSettings,
  scheme: string,
  port: number,
): readonly string[] {
  if (publicUrl !== undefined) return [`Listening on ${scheme}://${inUrl(address)}:${port}`];
  if (!wildcards.includes(address)) return [];
  const addresses = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter((each) => !each.internal && !each.address.startsWith('fe80:'))
    .filter((each) => each.family === 'IPv4' || address === '::')
    .map((each) => `${scheme}://${inUrl(each.address)}:${port}`);
  return [
    ...(addresses.length === 0 ? [] : [`On the network: ${addresses.join(', ')}`]),
    'Other machines: docs/clients.md',
  ];
}
