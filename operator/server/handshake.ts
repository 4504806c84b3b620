/**
 * The handshake: proof that an endpoint speaks MCP 2.0, accepts our tokens and refuses strangers.
 *
 * `ServiceInfo.GetCard` with a probe-only token must succeed, and the same call without a token must be refused: an
 * endpoint that answers everybody would undo the capability checks of everything behind it.
 */
import { status } from '@grpc/grpc-js';
import { readCard } from '#lib/card/service-card.ts';
import { ServiceError } from '#lib/errors.ts';
import type { Dial } from '#lib/net/dial.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import type { Transport } from '#lib/store/servers.ts';
import type { GetCardRequest } from '#protos/generated/mcp2/GetCardRequest.ts';
import type { ServiceInfoDefinition } from '#protos/generated/mcp2/ServiceInfo.ts';
import {
  type CallOutcome,
  type ConnectionTarget,
  NotGrpcError,
  openProbeConnection,
  type ProbeConnection,
} from './probe-connection.ts';
import type { HandshakeFailure, HandshakeResult } from './prober.ts';
import { createTrust, type Trust } from './trust.ts';

/** Where that of the reason would lead astray. */
const ADVICE = {
  unresolved: 'there is no such host; check the name in spec.source.address and the DNS that the operator asks',
  forbidden: 'this place is never connected to; write another host into spec.source.address',
  otherServer:
    'it takes itself for another server; give it the name that is registered here, or point spec.source at the right one',
  failing: 'it answers, but ServiceInfo.GetCard fails; look into its log',
  noGrpc: 'it does not answer gRPC; check the port',
  wantsCertificate: 'it wants a certificate of its clients; write spec.tls.mode: Mutual with a caBundleRef',
  refusesCertificate:
    "it refuses the operator's certificate; let it trust the authority that signs the control plane's certificates",
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
  readonly dial: Dial;
  /** For transport MTLS: the certificate this operator shows. */
  readonly clientCertificate?: () => { readonly certificate: string; readonly key: string };
}

export type Handshake = (target: HandshakeTarget, signal: AbortSignal) => Promise<HandshakeResult>;

export function createHandshake(dependencies: HandshakeDependencies): Handshake {
  const trust = createTrust();
  return async function handshake(target, signal) {
    let address: string;
    try {
      address = await dependencies.dial(target.url, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ServiceError) return failed('Unreachable', error.message, ADVICE.forbidden);
      return failed('Unreachable', 'the name does not resolve', ADVICE.unresolved);
    }
    const place = connectionTarget(address, target, { ...dependencies, trust });
    try {
      using connection = await openProbeConnection(place, signal);
      return await proveAnswers(asking(connection, dependencies), target.serverName, dependencies);
    } catch (error) {
      signal.throwIfAborted();
      return explainConnection(error, target);
    }
  };
}

function asking(connection: ProbeConnection, { serviceInfo }: Pick<HandshakeDependencies, 'serviceInfo'>): Ask {
  const { path, requestSerialize, responseDeserialize } = serviceInfo.GetCard;
  return async function ask(request) {
    const outcome = await connection.call(path, requestSerialize(request));
    try {
      return { ...outcome, answer: outcome.message && responseDeserialize(outcome.message) };
    } catch (cause) {
      throw new NotGrpcError(cause);
    }
  };
}

type Ask = (request: GetCardRequest) => Promise<CallOutcome & { readonly answer: CardResponse | undefined }>;
type CardResponse = ReturnType<ServiceInfoDefinition['GetCard']['responseDeserialize']>;

async function proveAnswers(
  ask: Ask,
  serverName: string,
  { mintProbeToken }: Pick<HandshakeDependencies, 'mintProbeToken'>,
): Promise<HandshakeResult> {
  const known = await ask({ requester_token: await mintProbeToken(serverName), server_name: serverName });
  if (known.code !== status.OK) return explainRefusal(known);
  const json = known.answer?.card?.card_json ?? Buffer.alloc(0);
  if (json.length === 0) return failed('WrongProtocol', 'GetCard answered without a card');
  const stranger = await ask({ server_name: serverName });
  if (stranger.code === status.OK) return failed('OpenToAnyone', 'GetCard answered without a token');
  if (!isRefusal(stranger.code)) return explainRefusal(stranger);
  return { ok: true, card: readCard(json) };
}

function isRefusal(code: status): boolean {
  return code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED;
}

function explainRefusal({ code, reason }: CallOutcome): HandshakeResult {
  const said = reason ?? `gRPC status ${status[code]}`;
  if (code === status.UNIMPLEMENTED) return failed('WrongProtocol', 'GetCard is not implemented');
  if (isRefusal(code)) {
    return failed('TokenRejected', said, reason === 'AUDIENCE_MISMATCH' ? ADVICE.otherServer : undefined);
  }
  const isSlow = code === status.DEADLINE_EXCEEDED;
  return failed('Unreachable', `GetCard failed with ${said}`, isSlow ? undefined : ADVICE.failing);
}

const CONNECTION_ERRORS = ['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'EPIPE'];

function explainConnection(error: unknown, { tlsServerName, transport }: HandshakeTarget): HandshakeResult {
  if (error instanceof ServiceError) return failed('WrongProtocol', error.message);
  const alert = codeOf(error instanceof NotGrpcError ? error.cause : error);
  if (alert.includes('_ALERT_')) return explainAlert(alert, transport);
  if (error instanceof NotGrpcError) {
    const what = tlsServerName === undefined ? 'it takes connections' : 'it takes TLS connections';
    return failed('Unreachable', what, ADVICE.noGrpc);
  }
  const code = codeOf(error);
  if (CONNECTION_ERRORS.includes(code)) return failed('Unreachable', `nothing answers: ${code}`);
  if (tlsServerName === undefined) throw error;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return failed('TLSFailed', `its certificate is not for "${tlsServerName}"`);
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL')) return failed('TLSFailed', 'it does not speak TLS');
  return failed('TLSFailed', `its certificate was refused: ${code || 'unknown reason'}`);
}

/** The server ended the TLS handshake, which most often is about our certificate. */
function explainAlert(code: string, transport: Transport): HandshakeResult {
  if (transport === 'MTLS') return failed('TLSFailed', code, ADVICE.refusesCertificate);
  const isAboutUs = code.endsWith('CERTIFICATE_REQUIRED');
  return failed('TLSFailed', isAboutUs ? 'none was shown' : code, isAboutUs ? ADVICE.wantsCertificate : undefined);
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

function connectionTarget(
  address: string,
  { transport, tlsServerName, ca }: HandshakeTarget,
  { clientCertificate, trust }: Pick<HandshakeDependencies, 'clientCertificate'> & { readonly trust: Trust },
): ConnectionTarget {
  const { host, port } = parseHostPort(address) ?? { host: address, port: 0 };
  if (transport === 'PLAINTEXT' || tlsServerName === undefined) return { host, port, tls: undefined };
  const own = transport === 'MTLS' ? clientCertificate?.() : undefined;
  return { host, port, tls: { serverName: tlsServerName, secureContext: trust({ ca, own }) } };
}

function failed(reason: HandshakeFailure, message: string, advice?: string): HandshakeResult {
  return { ok: false, reason, message, ...(advice === undefined ? {} : { advice }) };
}
