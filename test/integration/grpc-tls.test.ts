import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient, tlsClient, tlsServer } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import { createLogger } from '#lib/observe/logger.ts';
import { loadServices } from '#protos/load.ts';
import { startGrpcServer } from '../harness/grpc-server.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';

const { Discovery } = loadServices();
const options = { clock: systemClock, log: createLogger({ service: 'test', level: 'silent' }), pollMs: 60_000 };

let root: string;
let authority: CertificateAuthority;
let otherAuthority: CertificateAuthority;
let first: Certificate;
let second: Certificate;
let agent: Certificate;
let stranger: Certificate;
/** The files a test's server and client read; rewritten before each test. */
let live: { folder: string; certificateFile: string; keyFile: string; caFile: string };

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'mcp2-tls-'));
  [authority, otherAuthority] = await Promise.all([
    createCertificateAuthority(join(root, 'ca')),
    createCertificateAuthority(join(root, 'other-ca'), 'other-ca'),
  ]);
  [first, second, agent, stranger] = await Promise.all([
    authority.issue({ commonName: 'registry' }),
    authority.issue({ commonName: 'registry' }),
    authority.issue({ commonName: 'agent-7' }),
    otherAuthority.issue({ commonName: 'stranger' }),
  ]);
});
afterAll(() => rm(root, { recursive: true, force: true }));

beforeEach(async () => {
  const folder = await mkdtemp(join(root, 'live-'));
  const path = (name: string) => join(folder, name);
  live = { folder, certificateFile: path('tls.crt'), keyFile: path('tls.key'), caFile: path('ca.crt') };
  await install(first, authority);
});

async function install({ certificateFile, keyFile }: Certificate, ca: CertificateAuthority): Promise<void> {
  await copyFile(certificateFile, live.certificateFile);
  await copyFile(keyFile, live.keyFile);
  await copyFile(ca.certificateFile, live.caFile);
}

/** A TLS server whose Lookup answers with the name in the client's certificate. */
async function startTlsServer({ mutual }: { readonly mutual: boolean }) {
  const tls = await tlsServer({ ...live, clientCaFile: mutual ? live.caFile : undefined }, options);
  const lookup = unary<unknown, object>((_request, call) => ({ next_page_token: call.certificateName ?? 'nobody' }));
  const server = await startGrpcServer([implement(Discovery, { Lookup: lookup })], { credentials: tls.credentials });
  return {
    tls,
    target: server.target,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      tls.close();
    },
  };
}

/** Calls over a new connection, trusting `ca` and showing `certificate`. */
async function callAs(target: string, ca: CertificateAuthority, certificate?: Certificate): Promise<string> {
  const identity = certificate && { certificateFile: certificate.certificateFile, keyFile: certificate.keyFile };
  const tls = await tlsClient({ caFile: ca.certificateFile, ...identity }, options);
  const client = createClient(Discovery, target, { credentials: tls.credentials });
  try {
    return (await client.call('Lookup', {})).next_page_token;
  } finally {
    client.close();
    tls.close();
  }
}

test('TLS: a client that trusts the CA is served, one that trusts another and one without TLS are not', async () => {
  await using server = await startTlsServer({ mutual: false });
  expect(await callAs(server.target, authority)).toBe('nobody');
  await expect(callAs(server.target, otherAuthority)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  const plain = createClient(Discovery, server.target, { credentials: plaintextClient() });
  await expect(plain.call('Lookup', {})).rejects.toMatchObject({ code: status.UNAVAILABLE });
  plain.close();
});

test('mTLS: the handler sees the name in the certificate; without one, or with a stranger’s, there is no call', async () => {
  await using server = await startTlsServer({ mutual: true });
  expect(await callAs(server.target, authority, agent)).toBe('agent-7');
  await expect(callAs(server.target, authority)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  await expect(callAs(server.target, authority, stranger)).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

test('a new certificate is used for new connections, and open ones live on', async () => {
  await using server = await startTlsServer({ mutual: false });
  const tls = await tlsClient({ caFile: authority.certificateFile }, options);
  const before = createClient(Discovery, server.target, { credentials: tls.credentials });
  await before.call('Lookup', {});
  await install(stranger, otherAuthority);
  await server.tls.refresh();
  expect(await callAs(server.target, otherAuthority)).toBe('nobody');
  await expect(callAs(server.target, authority)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  expect((await before.call('Lookup', {})).next_page_token).toBe('nobody');
  before.close();
  tls.close();
});

test('another CA for clients takes effect without a restart', async () => {
  await using server = await startTlsServer({ mutual: true });
  await copyFile(otherAuthority.certificateFile, live.caFile);
  await server.tls.refresh();
  expect(await callAs(server.target, authority, stranger)).toBe('stranger');
  await expect(callAs(server.target, authority, agent)).rejects.toMatchObject({ code: status.UNAVAILABLE });
});

test('a rotation that is half done, broken or gone keeps the last good certificate', async () => {
  await using server = await startTlsServer({ mutual: true });
  const stillServes = async () => {
    await server.tls.refresh();
    expect(await callAs(server.target, authority, agent)).toBe('agent-7');
  };
  await copyFile(second.certificateFile, live.certificateFile); // the key is still the first one's
  await stillServes();
  await writeFile(live.keyFile, '');
  await stillServes();
  await writeFile(live.caFile, 'not a certificate');
  await stillServes();
  await rm(live.certificateFile);
  await stillServes();
  await install(second, authority);
  await stillServes();
});

test('a client takes a new CA and a new certificate for its next connection', async () => {
  await using old = await startTlsServer({ mutual: true });
  await using moved = await (async () => {
    await install(stranger, otherAuthority);
    return startTlsServer({ mutual: true });
  })();
  const files = { certificateFile: join(live.folder, 'a.crt'), keyFile: join(live.folder, 'a.key') };
  const caFile = join(live.folder, 'trusted.crt');
  const write = async (certificate: Certificate, ca: CertificateAuthority) => {
    await copyFile(certificate.certificateFile, files.certificateFile);
    await copyFile(certificate.keyFile, files.keyFile);
    await copyFile(ca.certificateFile, caFile);
  };
  await write(agent, authority);
  const tls = await tlsClient({ caFile, ...files }, options);
  const callWith = async (target: string) => {
    const client = createClient(Discovery, target, { credentials: tls.credentials });
    return (await client.call('Lookup', {}).finally(() => client.close())).next_page_token;
  };
  expect(await callWith(old.target)).toBe('agent-7');
  await expect(callWith(moved.target)).rejects.toMatchObject({ code: status.UNAVAILABLE });
  await write(stranger, otherAuthority);
  await tls.refresh();
  expect(await callWith(moved.target)).toBe('stranger');
  tls.close();
});

test('files that cannot be used are an error at the start, without the key in it', async () => {
  await copyFile(second.keyFile, live.keyFile);
  await expect(startTlsServer({ mutual: false })).rejects.toThrow(/key/);
  await expect(tlsServer({ certificateFile: live.certificateFile, keyFile: '/absent' }, options)).rejects.toThrow(
    'ENOENT',
  );
  await expect(tlsClient({ caFile: live.caFile, certificateFile: live.certificateFile }, options)).rejects.toThrow(
    'together',
  );
  await writeFile(live.caFile, '');
  await expect(tlsClient({ caFile: live.caFile }, options)).rejects.toThrow();
});

test('the end of the certificate is known', async () => {
  const tls = await tlsServer(live, options);
  const hours = ((tls.expiresAtMs() ?? 0) - Date.now()) / 3_600_000;
  expect(hours).toBeGreaterThan(22);
  expect(hours).toBeLessThan(25);
  tls.close();
});
