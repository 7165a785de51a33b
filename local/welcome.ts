import { networkInterfaces } from 'node:os';
import type { LocalSettings } from './settings.ts';

/** What to type next, with the real address, user and password. */
export function welcome(settings: LocalSettings, port: number, generatedPassword: string): string {
  const scheme = settings.tls === undefined ? 'http' : 'https';
  const host = settings.publicUrl?.replace(/^https?:\/\//, '') ?? `${reachable(settings)}:${port}`;
  const url = settings.publicUrl ?? `${scheme}://${host}`;
  const password =
    settings.adminPassword === undefined ? generatedPassword : '"$LIGHTER_ADMIN_PASSWORD"';
  return [
    `Lighter is ready at ${url} and keeps its data in ${settings.dataFolder}`,
    ...networkNote(settings, scheme, port),
    '',
    `  docker login ${host} -u admin -p ${password}`,
    `  docker tag   alpine ${host}/alpine`,
    `  docker push  ${host}/alpine`,
    '',
    'Ctrl-C ends it.',
    '',
  ].join('\n');
}

const wildcards = ['0.0.0.0', '::'];

function reachable({ address }: LocalSettings): string {
  if (wildcards.includes(address)) return '127.0.0.1';
  return inUrl(address);
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
    .filter((each) => each.family === 'IPv4' && !each.internal)
    .map((each) => `${scheme}://${each.address}:${port}`);
  return addresses.length === 0 ? [] : [`On the network: ${addresses.join(', ')}`];
}
