import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { generate } from 'selfsigned';

export interface TestCertificate {
  /** PEM, of an authority that is its own. */
  readonly certificate: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** Deletes the files. */
  remove(): Promise<void>;
}

/** Makes a certificate for 127.0.0.1 and localhost, in files of a new temporary folder. */
export async function makeTestCertificate(): Promise<TestCertificate> {
  // A name of its own: of two trusted authorities with one name, only one would be found.
  const name = `localhost ${randomUUID()}`;
  const { cert, private: key } = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 7, ip: '127.0.0.1' },
          { type: 2, value: 'localhost' },
        ],
      },
    ],
  });
  const folder = await mkdtemp(join(tmpdir(), 'lighter-certificate-'));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  await Promise.all([writeFile(certFile, cert), writeFile(keyFile, key, { mode: 0o600 })]);
  return {
    certificate: cert,
    certFile,
    keyFile,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/**
 * Makes this thread's TLS clients trust a certificate beside the usual ones. Gives back the
 * undoing.
 */
export function trustCertificate(certificate: string): () => void {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, certificate]);
  return () => setDefaultCACertificates(before);
}
