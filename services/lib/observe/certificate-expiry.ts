/**
 * When the certificates of files end, for an alert that leaves two weeks to renew them.
 *
 * The files are read when the metric is scraped: what is mounted now counts, whoever in this process uses it. Of a chain
 * the first certificate to end counts; of authorities alone the last, because the old one stays beside its successor until
 * it ends, and what it signed ends no later.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Gauge, type Registry } from 'prom-client';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @param files PEM; those that are not set are left out, one that cannot be read has no value. */
export function observeCertificateExpiry(metrics: Registry, files: readonly (string | undefined)[]): void {
  const watched = [...new Set(files.filter((file) => file !== undefined))];
  new Gauge({
    name: 'mcp2_certificate_expiry_timestamp_seconds',
    help: 'When the certificates of a file end, in Unix seconds.',
    labelNames: ['file'],
    registers: [metrics],
    async collect() {
      const ends = await Promise.all(watched.map(async (file) => ({ file, seconds: await expiryOf(file) })));
      this.reset();
      for (const { file, seconds } of ends) if (seconds !== undefined) this.set({ file }, seconds);
    },
  });
}

async function expiryOf(file: string): Promise<number | undefined> {
  try {
    return expirySeconds(await readFile(file, 'utf8'));
  } catch {
    return undefined; // who needs the file says what is wrong with it
  }
}

/** Unix seconds; undefined without a certificate. @throws for a block that is no certificate. */
export function expirySeconds(pem: string): number | undefined {
  const certificates = [...pem.matchAll(BLOCK)].map(([block]) => new X509Certificate(block));
  if (certificates.length === 0) return undefined;
  const ends = certificates.map(({ validToDate }) => Math.floor(validToDate.getTime() / 1000));
  const areRoots = certificates.every(({ subject, issuer }) => subject === issuer);
  return areRoots ? Math.max(...ends) : Math.min(...ends);
}
