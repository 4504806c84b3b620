/**
 * A throw-away certificate authority for one test: EC P-256 keys, valid for a day, made with `openssl`, because
 * Node's crypto reads certificates but makes none.
 *
 * Options of `openssl` that LibreSSL (macOS) lacks are avoided. Keys stay in a folder of mode 0700.
 */

import { randomBytes } from 'node:crypto';
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
  /** Default: a day. */
  readonly validSeconds?: number;
}

export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  readonly certificateFile: string;
  /** Good for servers and clients. A second call with the same common name gives another certificate. */
  issue(request: CertificateRequest): Promise<Certificate>;
}

const CONFIGURATION = `distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
`;
const KEY_ARGUMENTS = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** @param folder Gets every file; made when it does not exist. */
export async function createCertificateAuthority(
  folder: string,
  commonName = 'mcp2-test-ca',
): Promise<CertificateAuthority> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = (name: string) => join(folder, name);
  await writeFile(path('openssl.cnf'), CONFIGURATION);
  const made = ['-config', path('openssl.cnf'), '-extensions', 'ca', '-keyout', path('ca.key'), '-out', path('ca.crt')];
  const validity = ['-days', '1', '-subj', subject({ commonName })];
  await runCommand('openssl', ['req', '-x509', ...KEY_ARGUMENTS, ...made, ...validity]);
  return openCertificateAuthority(folder);
}

/** The authority that another process made in this folder. */
export async function openCertificateAuthority(folder: string): Promise<CertificateAuthority> {
  const certificateFile = join(folder, 'ca.crt');
  return {
    certificate: await readFile(certificateFile, 'utf8'),
    certificateFile,
    issue: (request) => issueCertificate(folder, request),
  };
}

async function issueCertificate(folder: string, request: CertificateRequest): Promise<Certificate> {
  const serial = randomBytes(8).toString('hex');
  const path = (ending: string) => join(folder, `${serial}.${ending}`);
  const [certificateFile, keyFile] = [path('crt'), path('key')];
  const names = (request.names ?? ['IP:127.0.0.1', 'DNS:localhost']).join(',');
  const extensions = ['extendedKeyUsage=serverAuth,clientAuth', 'keyUsage=digitalSignature', `subjectAltName=${names}`];
  await writeFile(path('ext'), `${extensions.join('\n')}\n`);
  const asked = ['-config', join(folder, 'openssl.cnf'), '-keyout', keyFile, '-out', path('csr')];
  await runCommand('openssl', ['req', ...KEY_ARGUMENTS, ...asked, '-subj', subject(request)]);
  const files = ['-in', path('csr'), '-extfile', path('ext'), '-out', certificateFile];
  if (request.validSeconds === undefined) await signForADay(folder, serial, files);
  else await signForSeconds(folder, { serial, validSeconds: request.validSeconds, files });
  await Promise.all([rm(path('csr')), rm(path('ext'))]);
  const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { certificate, key, certificateFile, keyFile };
}

async function signForADay(folder: string, serial: string, files: readonly string[]): Promise<void> {
  const authority = ['-CA', join(folder, 'ca.crt'), '-CAkey', join(folder, 'ca.key'), '-set_serial', `0x${serial}`];
  await runCommand('openssl', ['x509', '-req', ...authority, '-days', '1', ...files]);
}

interface ShortLived {
  readonly serial: string;
  readonly validSeconds: number;
  readonly files: readonly string[];
}

/** Only `openssl ca` takes an end that is not in whole days, and it wants to keep books. */
async function signForSeconds(folder: string, { serial, validSeconds, files }: ShortLived): Promise<void> {
  const path = (ending: string) => join(folder, `${serial}.${ending}`);
  const books = { database: path('index'), serial: path('serial'), new_certs_dir: folder, policy: 'any' };
  const settings = Object.entries(books).map(([name, value]) => `${name}=${value}`);
  const policy = ['[any]', 'organizationName=optional', 'commonName=supplied'];
  await writeFile(path('cnf'), `${['[ca]', 'default_ca=books', '[books]', ...settings, ...policy].join('\n')}\n`);
  await Promise.all([writeFile(path('index'), ''), writeFile(path('serial'), `${serial}\n`)]);
  const authority = ['-cert', join(folder, 'ca.crt'), '-keyfile', join(folder, 'ca.key'), '-md', 'sha256'];
  // openssl takes whole seconds, so the beginning is put a little back.
  const [from, to] = [Date.now() - 5_000, Date.now() + validSeconds * 1000].map(asn1Time);
  const times = ['-startdate', from ?? '', '-enddate', to ?? ''];
  await runCommand('openssl', ['ca', '-batch', '-notext', '-config', path('cnf'), ...authority, ...times, ...files]);
}

/** "20261122195500Z". */
function asn1Time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+|[-T:]/g, '');
}

/** openssl's form, "/O=group/CN=name"; "/" and "\" in a value are escaped, "+" would start a second attribute. */
function subject({ organizations = [], commonName }: CertificateRequest): string {
  const quote = (value: string) => value.replace(/[\\/+]/g, '\\$&');
  return [...organizations.map((group) => `/O=${quote(group)}`), `/CN=${quote(commonName)}`].join('');
}
