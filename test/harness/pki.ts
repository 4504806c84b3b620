/**
 * A throw-away certificate authority for one test: EC P-256 keys, valid for a day, made with `openssl`, because
 * Node's crypto reads certificates but makes none.
 *
 * Options of `openssl` that LibreSSL (macOS) lacks are avoided. Keys never leave the folder's mode 0700.
 */

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../cluster/run-command.ts';

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateRequest {
  /** etcd takes it as the user's name, the API server too. */
  readonly commonName: string;
  /** The API server takes them as the user's groups. */
  readonly organizations?: readonly string[];
  /** Subject alternative names, for example "IP:127.0.0.1" and "DNS:localhost", which are the default. */
  readonly names?: readonly string[];
}

export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly certificateFile: string;
  /** Good for servers and clients. A second call with the same common name gives another certificate. */
  issue(request: CertificateRequest): Promise<Certificate>;
}

const KEY_ARGUMENTS = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** @param folder Gets every file; made when it does not exist. */
export async function createCertificateAuthority(
  folder: string,
  commonName = 'mcp2-test-ca',
): Promise<CertificateAuthority> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = (name: string) => join(folder, name);
  const configuration =
    'distinguished_name=dn\n[dn]\n[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n';
  await writeFile(path('openssl.cnf'), configuration);
  const authority = [
    '-config',
    path('openssl.cnf'),
    '-extensions',
    'ca',
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.crt'),
  ];
  await runCommand('openssl', [
    'req',
    '-x509',
    ...KEY_ARGUMENTS,
    ...authority,
    '-days',
    '1',
    '-subj',
    subject({ commonName }),
  ]);
  let issued = 0;
  return {
    certificate: await readFile(path('ca.crt'), 'utf8'),
    certificateFile: path('ca.crt'),
    async issue(request) {
      issued += 1;
      return issueCertificate(folder, issued, request);
    },
  };
}

async function issueCertificate(folder: string, serial: number, request: CertificateRequest): Promise<Certificate> {
  const base = join(folder, `${request.commonName.replace(/[^A-Za-z0-9_.-]/g, '_')}-${serial}`);
  const [certificateFile, keyFile, requestFile, extensionFile] = ['crt', 'key', 'csr', 'ext'].map(
    (end) => `${base}.${end}`,
  ) as [string, string, string, string];
  const names = (request.names ?? ['IP:127.0.0.1', 'DNS:localhost']).join(',');
  await writeFile(
    extensionFile,
    `subjectAltName=${names}\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature\n`,
  );
  const asked = [
    '-config',
    join(folder, 'openssl.cnf'),
    '-keyout',
    keyFile,
    '-out',
    requestFile,
    '-subj',
    subject(request),
  ];
  await runCommand('openssl', ['req', ...KEY_ARGUMENTS, ...asked]);
  const authority = [
    '-CA',
    join(folder, 'ca.crt'),
    '-CAkey',
    join(folder, 'ca.key'),
    '-set_serial',
    String(serial + 1),
  ];
  const signed = ['-in', requestFile, ...authority, '-days', '1', '-extfile', extensionFile, '-out', certificateFile];
  await runCommand('openssl', ['x509', '-req', ...signed]);
  await Promise.all([requestFile, extensionFile].map((file) => rm(file)));
  const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { certificate, key, certificateFile, keyFile };
}

/** openssl's form, "/O=group/CN=name"; "/" and "\" in a value are escaped, "+" would start a second attribute. */
function subject({ organizations = [], commonName }: CertificateRequest): string {
  const quote = (value: string) => value.replace(/[\\/+]/g, '\\$&');
  return [...organizations.map((group) => `/O=${quote(group)}`), `/CN=${quote(commonName)}`].join('');
}
