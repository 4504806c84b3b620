/**
 * When the certificates of files end, for an alert that leaves two weeks to renew them.
 *
 * The files are read when the metric is scraped: what is mounted now counts, whoever in this process uses it. Of a chain
 * the first certificate to end counts; of two with one subject the last, because that is how a CA is replaced.
 */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Gauge, type Registry } from 'prom-client';

const BLOCK = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** @param files PEM; those that are not set are left out, one that cannot be read has no value. */
export function observeCertificateExpiry(registry: Registry, files: readonly (string | undefined)[]): void {
  const watched = [...new Set(files.filter((file) => file !== undefined))];
  new Gauge({
    name: 'mcp2_certificate_expiry_timestamp_seconds',
    help: 'When the certificates of a file end, in Unix seconds.',
    labelNames: ['file'],
    registers: [registry],
    async collect() {
      const ends = await Promise.all(watched.map(async (file) => ({ file, seconds: await expiryOf(file) })));
      this.reset();
      for (const { file, seconds } of ends) if (seconds !== undefined) this.set({ file }, seconds);
    },
  });
}

async function expiryOf(file: string): Promise<number | undefined> {
  try {
    return firstExpirySeconds(await readFile(file, 'utf8'));
  } catch {
    return undefined; // who needs the file says what is wrong with it
  }
}

/** Unix seconds; undefined without a certificate. @throws for a block that is no certificate. */
export function firstExpirySeconds(pem: string): number | undefined {
  const lastBySubject = new Map<string, number>();
  for (const [block] of pem.matchAll(BLOCK)) {
    const { subject, validToDate } = new X509Certificate(block);
    const seconds = Math.floor(validToDate.getTime() / 1000);
    lastBySubject.set(subject, Math.max(seconds, lastBySubject.get(subject) ?? 0));
  }
  return lastBySubject.size === 0 ? undefined : Math.min(...lastBySubject.values());
}
