/** The handshake with real servers: honest ones, broken ones, and those that want to harm the operator. */
import type { ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { rootCertificates } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { status } from '@grpc/grpc-js';
import { pino } from 'pino';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { ServiceError } from '#lib/errors.ts';
import { tlsServer } from '#lib/grpc/credentials.ts';
import { implement, type MethodAdapter } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import type { GetCardRequest__Output } from '#protos/generated/mcp2/GetCardRequest.ts';
import type { GetCardResponse } from '#protos/generated/mcp2/GetCardResponse.ts';
import { loadServices } from '#protos/load.ts';
import { createHandshake, type HandshakeTarget } from '../../operator/server/handshake.ts';
import { createTrust } from '../../operator/server/trust.ts';
import { eventually } from '../harness/eventually.ts';
import { startGrpcServer } from '../harness/grpc-server.ts';
import { answer, startHttp2Endpoint, startTcpEndpoint } from '../harness/hostile-endpoint.ts';
import { type Certificate, type CertificateAuthority, createCertificateAuthority } from '../harness/pki.ts';
import { createWorkspace } from '../harness/processes.ts';
import { frame } from '../harness/raw-grpc.ts';

const services = loadServices();
const CARD = Buffer.from(JSON.stringify({ name: 'Db', version: '1.0.0', capabilities: ['db:inventory:read'] }));
const TOKEN = 'probe-token';
const encodeCard = (json: Buffer) => services.ServiceInfo.GetCard.responseSerialize({ card: { card_json: json } });

let authority: CertificateAuthority;
let certificate: Certificate;
beforeAll(async () => {
  authority = await createCertificateAuthority(createWorkspace('handshake').folder);
  certificate = await authority.issue({ commonName: 'db', names: ['DNS:db.shop.svc'] });
});

const handshake = createHandshake({
  serviceInfo: services.ServiceInfo,
  mintProbeToken: async () => TOKEN,
  dial: async (url) => url,
});

function shake(port: number, target: Partial<HandshakeTarget> = {}, timeoutMs = 10_000) {
  const plaintext = { serverName: 'Db', transport: 'PLAINTEXT', tlsServerName: undefined, ca: undefined } as const;
  return handshake({ ...plaintext, url: `127.0.0.1:${port}`, ...target }, AbortSignal.timeout(timeoutMs));
}

const tls = (changes: Partial<HandshakeTarget> = {}): Partial<HandshakeTarget> => ({
  transport: 'TLS',
  tlsServerName: 'db.shop.svc',
  ca: authority.certificate,
  ...changes,
});

/** Tells its card to whoever has the token. */
function honest(json: Buffer) {
  return unary(({ requester_token }: GetCardRequest__Output) =>
    requester_token === TOKEN ? { card: { card_json: json } } : refuse(),
  );
}

function refuse(): never {
  throw new ServiceError('CREDENTIAL_MISSING', 'no token');
}

describe('a server of ours', () => {
  const serve = (GetCard: MethodAdapter<GetCardRequest__Output, GetCardResponse> | undefined, options = {}) =>
    startGrpcServer([implement(services.ServiceInfo, GetCard === undefined ? {} : { GetCard })], options);

  test('is verified over plaintext', async () => {
    await using server = await serve(honest(CARD));
    expect(await shake(server.port)).toMatchObject({ ok: true, card: { card: { name: 'Db' } } });
  });

  test('is verified over TLS', async () => {
    const files = { certificateFile: certificate.certificateFile, keyFile: certificate.keyFile };
    const { credentials, close } = await tlsServer(files, { clock: systemClock, log: pino({ level: 'silent' }) });
    await using server = await serve(honest(CARD), { credentials });
    expect(await shake(server.port, tls())).toMatchObject({ ok: true, card: { card: { name: 'Db' } } });
    close();
  });

  test.each([
    ['no GetCard', undefined, 'WrongProtocol', /not implemented/],
    ['the token refused', unary(refuse), 'TokenRejected', /CREDENTIAL_MISSING/],
    ['an answer to anybody', unary(() => ({ card: { card_json: CARD } })), 'OpenToAnyone', /without a token/],
    ['no card', unary(() => ({})), 'WrongProtocol', /without a card/],
    ['a card that is none', honest(Buffer.from('{')), 'WrongProtocol', /is not JSON/],
  ])('with %s says so', async (_title, method, reason, message) => {
    await using server = await serve(method);
    expect(await shake(server.port)).toMatchObject({ ok: false, reason, message: expect.stringMatching(message) });
  });
});

describe('a certificate', () => {
  const good = (stream: ServerHttp2Stream) => answer(stream, encodeCard(CARD));

  test('of another name, of an unknown authority and of another address is refused', async () => {
    await using server = await startHttp2Endpoint(good, certificate);
    expect(await shake(server.port, tls({ tlsServerName: 'other.shop.svc' }))).toMatchObject({ reason: 'TLSFailed' });
    expect(await shake(server.port, tls({ ca: undefined }))).toMatchObject({ reason: 'TLSFailed' });
    expect(await shake(server.port, tls({ tlsServerName: '127.0.0.1' }))).toMatchObject({ reason: 'TLSFailed' });
  });

  test('may name the address itself', async () => {
    const byAddress = await authority.issue({ commonName: 'db', names: ['IP:127.0.0.1'] });
    await using server = await startHttp2Endpoint(good, byAddress);
    expect(await shake(server.port, tls({ tlsServerName: '127.0.0.1' }))).toMatchObject({ reason: 'OpenToAnyone' });
    await using other = await startHttp2Endpoint(
      good,
      await authority.issue({ commonName: 'db', names: ['IP:127.0.0.2'] }),
    );
    expect(await shake(other.port, tls({ tlsServerName: '127.0.0.1' }))).toMatchObject({ reason: 'TLSFailed' });
  });

  test('is asked for where plaintext is spoken', async () => {
    await using server = await startHttp2Endpoint(good);
    expect(await shake(server.port, tls())).toMatchObject({ reason: 'TLSFailed', message: 'it does not speak TLS' });
  });
});

describe('the TLS context of a bundle', () => {
  const [first = '', second = ''] = rootCertificates;

  test('is made once, and another one for another bundle and for none', () => {
    const trust = createTrust();
    const context = trust({ ca: first, own: undefined });
    expect(trust({ ca: first, own: undefined })).toBe(context);
    expect(trust({ ca: second, own: undefined })).not.toBe(context);
    expect(trust({ ca: undefined, own: undefined })).not.toBe(context);
  });

  test('is forgotten before many of them fill the memory', () => {
    const trust = createTrust();
    const context = trust({ ca: first, own: undefined });
    for (let i = 0; i < 64; i += 1) trust({ ca: `${second}\n${'#'.repeat(i)}`, own: undefined });
    expect(trust({ ca: first, own: undefined })).not.toBe(context);
  });
});

const SILENT: readonly [string, (socket: Socket) => void][] = [
  ['says nothing', () => undefined],
  ['drips one byte of a TLS record after the other', (socket) => drip(socket, Buffer.of(22, 3, 3, 0x3f, 0xff, 2))],
  ['drips zeros', (socket) => drip(socket, Buffer.alloc(0))],
];

describe('an endpoint that takes connections and', () => {
  test.each(SILENT)('%s keeps neither the handshake nor a socket', async (_title, onConnection) => {
    await using server = await startTcpEndpoint(onConnection);
    for (const target of [{}, tls()]) {
      const result = await shake(server.port, target, 300).catch((error: unknown) => error);
      if (result instanceof Error) expect(result.name).toBe('TimeoutError');
      else expect(result).toMatchObject({ ok: false });
    }
    await eventually(server.connections, (open) => open === 0);
  });
});

const HOSTILE: readonly [string, (stream: ServerHttp2Stream) => void][] = [
  ['never answers a call', () => undefined],
  ['drips an answer', (stream) => drip(begin(stream), frame(Buffer.alloc(0)).subarray(0, 4))],
  ['sends messages without end', (stream) => flood(begin(stream), frame(encodeCard(CARD)))],
  ['sends one message without end', (stream) => flood(begin(stream), Buffer.alloc(64 * 1024))],
  ['sends a card of 4 MiB', (stream) => answer(stream, encodeCard(Buffer.alloc(4 * 1024 * 1024, 0x20)))],
  ['compresses without being asked', (stream) => begin(stream).end(frame(gzipSync(CARD), { compressed: true }))],
  ['lies about the length', (stream) => begin(stream).end(Buffer.of(0, 0xff, 0xff, 0xff, 0xff, 1))],
  ['answers what is no message', (stream) => answer(stream, Buffer.of(0xff, 0xff))],
  ['answers HTML', (stream) => stream.respond({ ':status': 200, 'content-type': 'text/html' }, { endStream: true })],
  ['answers a status that does not exist', (stream) => answer(stream, Buffer.alloc(0), 4711)],
  ['sends details that are none', (stream) => stream.respond(refusal('%%%'), { endStream: true })],
  ['sends 500 headers', (stream) => stream.respond(manyHeaders(), { endStream: true })],
  ['informs without end', (stream) => inform(stream)],
  ['hangs up in the middle', (stream) => stream.session?.destroy()],
];

describe('an endpoint that speaks HTTP/2 and', () => {
  test.each(HOSTILE)('%s fails its own handshake and no more', async (_title, onStream) => {
    await using server = await startHttp2Endpoint(onStream, certificate);
    const result = await shake(server.port, tls(), 700).catch((error: unknown) => error);
    if (result instanceof Error) expect(result.name).toBe('TimeoutError');
    else expect(result).toMatchObject({ ok: false });
    await eventually(server.connections, (open) => open === 0);
  });
});

test('the probe token is sent to the endpoint alone, and only over the transport that was asked for', async () => {
  const seen: string[] = [];
  await using server = await startTcpEndpoint((socket) => {
    socket.on('data', (bytes) => seen.push(bytes.toString('latin1')));
  });
  await shake(server.port, tls(), 300).catch(() => undefined);
  expect(seen.join('')).not.toContain(TOKEN);
});

function begin(stream: ServerHttp2Stream): ServerHttp2Stream {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  return stream;
}

function drip(writable: Socket | ServerHttp2Stream, first: Buffer): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (writable.destroyed) clearInterval(timer);
    else writable.write(sent < first.length ? first.subarray(sent, sent + 1) : Buffer.alloc(1));
    sent += 1;
  }, 20);
}

function flood(stream: ServerHttp2Stream, chunk: Buffer): void {
  const pump = () => {
    while (!stream.destroyed && stream.write(chunk));
  };
  stream.on('drain', pump);
  pump();
}

function inform(stream: ServerHttp2Stream): void {
  const timer = setInterval(() => {
    if (stream.destroyed) clearInterval(timer);
    else for (let i = 0; i < 20; i += 1) stream.additionalHeaders({ ':status': 103, 'x-more': 'y'.repeat(1000) });
  }, 5);
}

function refusal(details: string) {
  const code = String(status.PERMISSION_DENIED);
  return { ':status': 200, 'grpc-status': code, 'grpc-status-details-bin': details };
}

function manyHeaders() {
  const headers = Array.from({ length: 500 }, (_, i) => [`x-${i}`, 'y'.repeat(100)]);
  return { ':status': 200, ...Object.fromEntries(headers) };
}
