/**
 * The handshake: proof that an endpoint speaks MCP 2.0, accepts our tokens and refuses strangers.
 *
 * `ServiceInfo.GetCard` with a probe-only token must succeed, and the same call without a token must be refused: an
 * endpoint that answers everybody would undo the capability checks of everything behind it.
 */
import { isIP } from 'node:net';
import { connect } from 'node:tls';
import { type ChannelCredentials, type ChannelOptions, status } from '@grpc/grpc-js';
import { readCard } from '#lib/card/service-card.ts';
import { ServiceError } from '#lib/errors.ts';
import { CallError, createClient, type ServiceClient } from '#lib/grpc/client.ts';
import { plaintextClient, tlsClientFromPem } from '#lib/grpc/credentials.ts';
import { parseHostPort } from '#lib/listen-address.ts';
import type { Transport } from '#lib/store/servers.ts';
import type { ServiceInfoDefinition } from '#protos/generated/mcp2/ServiceInfo.ts';
import type { HandshakeFailure, HandshakeResult } from './prober.ts';

/** Where that of the reason would lead astray. */
const ADVICE = {
  unresolved: 'there is no such host; check the name in spec.source.address and the DNS that the operator asks',
  forbidden: 'this place is never connected to; write another host into spec.source.address',
  otherServer:
    'it takes itself for another server; give it the name that is registered here, or point spec.source at the right one',
  failing: 'it answers, but ServiceInfo.GetCard fails; look into its log',
  noGrpc: 'it does not answer gRPC; check the port',
} as const;

export interface HandshakeTarget {
  readonly serverName: string;
  /** host:port as Discovery has it. */
  readonly url: string;
  readonly transport: Transport;
  readonly tlsServerName: string | undefined;
  /** PEM; undefined = the system's roots. */
  readonly ca: string | undefined;
}

export interface HandshakeDependencies {
  readonly serviceInfo: ServiceInfoDefinition;
  /** A token of one minute for GetCard on this server and nothing else. */
  readonly mintProbeToken: (serverName: string) => Promise<string>;
  /**
   * The address to connect to for a host:port: resolved and checked, so that a name cannot lead to a forbidden place.
   * @throws ServiceError ENDPOINT_REFUSED
   */
  readonly dial: (url: string) => Promise<string>;
  /** For transport MTLS: the certificate this operator shows. */
  readonly clientCertificate?: () => { readonly certificate: string; readonly key: string };
}

export type Handshake = (target: HandshakeTarget, signal: AbortSignal) => Promise<HandshakeResult>;

export function createHandshake(dependencies: HandshakeDependencies): Handshake {
  return async function handshake(target, signal) {
    let address: string;
    try {
      address = await dependencies.dial(target.url);
    } catch (error) {
      if (error instanceof ServiceError) return failed('Unreachable', error.message, ADVICE.forbidden);
      return failed('Unreachable', 'the name does not resolve', ADVICE.unresolved);
    }
    const client = createClient(dependencies.serviceInfo, address, {
      credentials: credentialsFor(target, dependencies),
      channel: target.tlsServerName === undefined ? {} : nameOverride(target.tlsServerName),
    });
    try {
      return await proveAnswers(client, target, dependencies, signal);
    } catch (error) {
      signal.throwIfAborted();
      return await explain(error, target, address);
    } finally {
      client.close();
    }
  };
}

async function proveAnswers(
  client: ServiceClient<ServiceInfoDefinition>,
  { serverName }: HandshakeTarget,
  { mintProbeToken }: HandshakeDependencies,
  signal: AbortSignal,
): Promise<HandshakeResult> {
  const request = { requester_token: await mintProbeToken(serverName), server_name: serverName };
  const answer = await client.call('GetCard', request, { signal, waitForReady: false });
  const json = answer.card?.card_json;
  if (json === undefined || json.length === 0) {
    return failed('WrongProtocol', 'GetCard answered without a card');
  }
  if (await answersStrangers(client, serverName, signal)) {
    return failed('OpenToAnyone', 'GetCard answered without a token');
  }
  return { ok: true, card: readCard(json) };
}

async function answersStrangers(
  client: ServiceClient<ServiceInfoDefinition>,
  serverName: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.call('GetCard', { server_name: serverName }, { signal });
    return true;
  } catch (error) {
    if (error instanceof CallError && isRefusal(error.code)) return false;
    throw error;
  }
}

function isRefusal(code: status): boolean {
  return code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED;
}

async function explain(error: unknown, target: HandshakeTarget, address: string): Promise<HandshakeResult> {
  if (error instanceof ServiceError) return failed('WrongProtocol', error.message);
  if (!(error instanceof CallError)) throw error;
  const said = error.reason === undefined ? `gRPC status ${status[error.code]}` : error.reason;
  if (error.code === status.UNIMPLEMENTED) {
    return failed('WrongProtocol', 'GetCard is not implemented');
  }
  if (isRefusal(error.code)) {
    return failed('TokenRejected', said, error.reason === 'AUDIENCE_MISMATCH' ? ADVICE.otherServer : undefined);
  }
  if (error.code === status.DEADLINE_EXCEEDED) return failed('Unreachable', `GetCard failed with ${said}`);
  if (error.code !== status.UNAVAILABLE) return failed('Unreachable', `GetCard failed with ${said}`, ADVICE.failing);
  if (target.tlsServerName === undefined) return failed('Unreachable', 'nothing answers gRPC');
  return explainTls(target, address);
}

/** grpc-js says UNAVAILABLE for everything below HTTP/2; a TLS connection of our own says why. */
function explainTls(target: HandshakeTarget, address: string): Promise<HandshakeResult> {
  const { host, port } = parseHostPort(address) ?? { host: address, port: 0 };
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port,
      servername: target.tlsServerName,
      ALPNProtocols: ['h2'],
      timeout: 1000,
      ...(target.ca === undefined ? {} : { ca: target.ca }),
    });
    const end = (result: HandshakeResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.once('secureConnect', () => end(failed('Unreachable', 'it takes TLS connections', ADVICE.noGrpc)));
    socket.once('timeout', () => end(failed('Unreachable', 'nothing answers')));
    socket.once('error', (error: NodeJS.ErrnoException) => end(explainSocketError(error, target)));
  });
}

const CONNECTION_ERRORS = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EPIPE'];

function explainSocketError(error: NodeJS.ErrnoException, { tlsServerName }: HandshakeTarget): HandshakeResult {
  const code = error.code ?? '';
  if (CONNECTION_ERRORS.includes(code)) return failed('Unreachable', `nothing answers: ${code}`);
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return failed('TLSFailed', `its certificate is not for "${tlsServerName}"`);
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) {
    return failed('TLSFailed', 'it does not speak TLS');
  }
  return failed('TLSFailed', `its certificate was refused: ${code || 'unknown reason'}`);
}

function credentialsFor(
  { transport, ca }: HandshakeTarget,
  { clientCertificate }: HandshakeDependencies,
): ChannelCredentials {
  if (transport === 'PLAINTEXT') return plaintextClient();
  const own = transport === 'MTLS' ? clientCertificate?.() : undefined;
  return tlsClientFromPem({ ca, ...own });
}

/** An IP address is no server name (RFC 6066 Section 3); what is dialled is what the certificate must name. */
function nameOverride(name: string): ChannelOptions {
  if (isIP(name) !== 0) return {};
  return { 'grpc.ssl_target_name_override': name, 'grpc.default_authority': name };
}

function failed(reason: HandshakeFailure, message: string, advice?: string): HandshakeResult {
  return { ok: false, reason, message, ...(advice === undefined ? {} : { advice }) };
}
