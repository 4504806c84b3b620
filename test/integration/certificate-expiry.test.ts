/** When certificates end, as a scrape shows it, with files as openssl writes them. */
import { X509Certificate } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { beforeAll, expect, test } from 'vitest';
import { expirySeconds, observeCertificateExpiry } from '#lib/observe/certificate-expiry.ts';
import { runCommand } from '../cluster/run-command.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';
import { createWorkspace } from '../harness/processes.ts';

const METRIC = 'mcp2_certificate_expiry_timestamp_seconds';

let folder: string;
let authority: CertificateAuthority;
let server: Certificate;

beforeAll(async () => {
  folder = createWorkspace('certificate-expiry').folder;
  authority = await createCertificateAuthority(join(folder, 'ca'));
  server = await authority.issue({ commonName: 'server' });
});

const endOf = (pem: string) => Math.floor(new X509Certificate(pem).validToDate.getTime() / 1000);

test('each file that is set shows when it ends, and a renewed one its new end', async () => {
  const file = join(folder, 'tls.crt');
  await writeFile(file, server.certificate);
  const metrics = new Registry();
  observeCertificateExpiry(metrics, [file, undefined, authority.certificateFile, file]);
  expect(await metrics.metrics()).toContain(`${METRIC}{file="${file}"} ${endOf(server.certificate)}\n`);
  expect(await metrics.metrics()).toContain(`{file="${authority.certificateFile}"} ${endOf(authority.certificate)}\n`);
  const renewed = await selfSigned('/CN=server', 30);
  await writeFile(file, renewed);
  expect(await metrics.metrics()).toContain(`${METRIC}{file="${file}"} ${endOf(renewed)}\n`);
});

test('a file that is missing or holds no certificate has no value and fails no scrape', async () => {
  const [gone, wrong] = [join(folder, 'gone.crt'), join(folder, 'wrong.crt')];
  await writeFile(gone, server.certificate);
  await writeFile(wrong, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  const metrics = new Registry();
  observeCertificateExpiry(metrics, [gone, wrong]);
  expect(await metrics.metrics()).toContain(gone);
  await rm(gone);
  expect(await metrics.metrics()).not.toContain('.crt"');
});

test('of a chain the first to end counts, of authorities the last: the old one stays until it ends', async () => {
  const [old, successor] = await Promise.all([selfSigned('/CN=root 1', 2), selfSigned('/CN=root 2', 600)]);
  const { certificate: leaf } = server;
  expect(endOf(leaf)).not.toBe(endOf(old));
  expect(expirySeconds(`${leaf}${successor}`)).toBe(Math.min(endOf(leaf), endOf(successor)));
  expect(expirySeconds(`${leaf}${old}`)).toBe(Math.min(endOf(leaf), endOf(old)));
  expect(expirySeconds(`${old}${successor}`)).toBe(endOf(successor));
  expect(expirySeconds(old)).toBe(endOf(old));
  expect(expirySeconds('no certificate')).toBeUndefined();
});

async function selfSigned(subject: string, days: number): Promise<string> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null'];
  return `${await runCommand('openssl', ['req', '-x509', ...key, '-days', String(days), '-subj', subject])}\n`;
}
