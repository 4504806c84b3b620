/** Connections with TLS, and cancel requests over TLS. */
import { chownSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../harness/eventually.ts';
import { type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';
import { type PostgresServer, startPostgres } from '../harness/postgres.ts';
import { createDatabaseWorkspace, databaseUser } from '../harness/postgres-template.ts';
import { createWorkspace } from '../harness/processes.ts';
import { startTcpProxy } from '../harness/tcp-proxy.ts';
import { checked, contextOf, failureOf, jsonOf } from './contract/engine.ts';
import { openPostgres } from './postgres-fixture.ts';

let authority: CertificateAuthority;
let server: PostgresServer;
beforeAll(async () => {
  authority = await createCertificateAuthority(createWorkspace('postgres-pki').folder);
  const { certificateFile, keyFile } = await authority.issue({ commonName: 'postgres', names: ['IP:127.0.0.1'] });
  server = await startPostgres({
    settings: {
      ssl: 'on',
      ssl_cert_file: readable(certificateFile, 'server.crt'),
      ssl_key_file: readable(keyFile, 'server.key'),
    },
  });
});
afterAll(() => server[Symbol.asyncDispose]());

/** A copy that belongs to the user of the database. */
function readable(file: string, name: string): string {
  const copy = join(createDatabaseWorkspace('postgres-tls').folder, name);
  copyFileSync(file, copy);
  const user = databaseUser();
  if (user !== undefined) chownSync(copy, user.uid, user.gid);
  return copy;
}

function url(port: number, certificateFile = authority.certificateFile): string {
  const settings = new URLSearchParams({ sslmode: 'verify-full', sslrootcert: certificateFile });
  return `${server.url().replace(`:${server.port}/`, `:${port}/`)}?${settings}`;
}

test('a server is asked over TLS, and a statement is cancelled over TLS', async () => {
  await using proxy = await startTcpProxy({ targetPort: server.port });
  await using database = openPostgres({ primary: url(proxy.port), statementTimeoutMs: 60_000 });
  const encrypted = contextOf(database, { sql: 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()' });
  const slow = contextOf(database, { sql: 'SELECT 1 FROM pg_sleep(60)' });
  await checked(database);
  expect(jsonOf(await encrypted())).toBe(true);
  const running = () =>
    server.query(
      "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep%' AND state = 'active' AND pid <> pg_backend_pid()",
    );
  const leave = new AbortController();
  const asked = failureOf(slow({}, { signal: leave.signal, deadlineMs: 60_000 }));
  await eventually(running, (rows) => rows.length === 1);
  leave.abort(new Error('left'));
  await asked;
  await eventually(running, (rows) => rows.length === 0);
});

test('a server with a certificate of somebody else is not asked', async () => {
  const other = await createCertificateAuthority(createWorkspace('postgres-other-pki').folder);
  await using database = openPostgres({ primary: url(server.port, other.certificateFile) });
  contextOf(database, { sql: 'SELECT 1' });
  expect(await database.check(AbortSignal.timeout(30_000))).toBe('unreachable');
});
