import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { readLocalSettings } from '../../local/settings.ts';
import { welcome } from '../../local/welcome.ts';
import { makeTestCertificate } from '../harness/certificate.ts';

function words(environment: Readonly<Record<string, string>>): string {
  return welcome({
    settings: readLocalSettings(environment),
    port: 5080,
    adminPassword: 'made-up',
    adminPasswordFile: "/it's data/admin-password",
    onTerminal: false,
  });
}

it('points to the clients’ page when other machines reach it', () => {
  expect(words({ LIGHTER_HOST: '0.0.0.0' })).toContain('\nOther machines: docs/clients.md\n');
  expect(words({})).not.toContain('Other machines');
});

it('says a name of the certificate where it listens on every address', async () => {
  const certificate = await makeTestCertificate();
  const tls = {
    LIGHTER_TLS_CERT: certificate.certFile,
    LIGHTER_TLS_KEY: certificate.keyFile,
  };
  const everywhere = words({ ...tls, LIGHTER_HOST: '0.0.0.0' });
  const here = words(tls);
  await certificate.remove();
  expect(everywhere).toContain('ready at https://localhost:5080 ');
  expect(everywhere).toContain('docker push  localhost:5080/alpine');
  expect(here).toContain('ready at https://127.0.0.1:5080 ');
});

it('lists IPv6 addresses for :: alone', () => {
  const global = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter((each) => each.family === 'IPv6' && !each.internal)
    .filter((each) => !each.address.startsWith('fe80:'))
    .map((each) => `http://[${each.address}]:5080`);
  for (const url of global) {
    expect(words({ LIGHTER_HOST: '::' })).toContain(url);
    expect(words({ LIGHTER_HOST: '0.0.0.0' })).not.toContain(url);
  }
});

it('quotes the path of the password file for a shell', () => {
  expect(words({})).toContain(String.raw`--password-stdin < '/it'\''s data/admin-password'`);
});
