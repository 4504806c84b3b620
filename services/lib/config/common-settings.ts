/**
 * Settings that several processes share, under one name each: a chart sets them once for all. A setting of one process
 * alone carries that process's name (MCP2_REGISTRY_…) and is read there.
 */
import { readForeignFileSync } from '../foreign-file.ts';
import type { EnvReader } from './env-reader.ts';
import type { ClientTlsFiles, ServerTlsFiles } from './tls-files.ts';

/** What a process shows to servers that ask for a client certificate, the operator with tls.mode Mutual. Both or none. */
export interface ClientCertificateFiles {
  readonly clientCertificateFile: string | undefined;
  readonly clientKeyFile: string | undefined;
}

export interface EtcdSettings {
  /** "https://host:2379" of each member. */
  readonly endpoints: readonly string[];
  /** The common name of the client's certificate is the etcd user. */
  readonly tls: ClientTlsFiles | undefined;
}

export interface TrustSettings {
  /** The `iss` that is trusted. */
  readonly issuer: string | undefined;
  /** Its public keys: a file (read again when it changes) or an https URL, one of them. */
  readonly jwksFile: string | undefined;
  readonly jwksUrl: string | undefined;
  /** Of the proposal's reference client, for development alone. */
  readonly developmentSecret: Uint8Array | undefined;
}

/** RFC 7518 Section 3.2: a key of the same size as the hash output. */
export const MIN_DEVELOPMENT_SECRET_BYTES = 32;

const MAX_SECRET_BYTES = 64 * 1024;

/** MCP2_OPS_LISTEN: host:port of /livez, /readyz and /metrics; absent, there is none. */
export function readOpsListen(read: EnvReader): string | undefined {
  return read.optional('MCP2_OPS_LISTEN') === undefined ? undefined : read.hostPort('MCP2_OPS_LISTEN');
}

/** MCP2_TLS_CERT_FILE, MCP2_TLS_KEY_FILE and, for mTLS, MCP2_TLS_CLIENT_CA_FILE; absent, plaintext. */
export function readServerTls(read: EnvReader): ServerTlsFiles | undefined {
  const certificateFile = read.file('MCP2_TLS_CERT_FILE');
  const keyFile = read.file('MCP2_TLS_KEY_FILE');
  const clientCaFile = read.file('MCP2_TLS_CLIENT_CA_FILE');
  if (certificateFile !== undefined && keyFile !== undefined) return { certificateFile, keyFile, clientCaFile };
  if (certificateFile !== undefined || keyFile !== undefined || clientCaFile !== undefined) {
    read.problem('MCP2_TLS_CERT_FILE and MCP2_TLS_KEY_FILE must be set together');
  }
  return undefined;
}

/** MCP2_CLIENT_CERT_FILE and MCP2_CLIENT_KEY_FILE, which the chart 0.1.0 calls MCP2_OPERATOR_CLIENT_…. */
export function readClientTls(read: EnvReader): ClientCertificateFiles {
  const clientCertificateFile = read.file('MCP2_CLIENT_CERT_FILE') ?? read.file('MCP2_OPERATOR_CLIENT_CERT_FILE');
  const clientKeyFile = read.file('MCP2_CLIENT_KEY_FILE') ?? read.file('MCP2_OPERATOR_CLIENT_KEY_FILE');
  if ((clientCertificateFile === undefined) !== (clientKeyFile === undefined)) {
    read.problem('MCP2_CLIENT_CERT_FILE and MCP2_CLIENT_KEY_FILE must be set together');
  }
  return { clientCertificateFile, clientKeyFile };
}

/** MCP2_ETCD_ENDPOINTS (comma-separated), MCP2_ETCD_CA_FILE, MCP2_ETCD_CERT_FILE and MCP2_ETCD_KEY_FILE. */
export function readEtcd(read: EnvReader): EtcdSettings | undefined {
  const endpoints = read.list('MCP2_ETCD_ENDPOINTS', { fallback: [] });
  if (endpoints.length === 0) return undefined;
  const caFile = read.file('MCP2_ETCD_CA_FILE');
  const certificateFile = read.file('MCP2_ETCD_CERT_FILE');
  const keyFile = read.file('MCP2_ETCD_KEY_FILE');
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    read.problem('MCP2_ETCD_CERT_FILE and MCP2_ETCD_KEY_FILE must be set together');
  }
  if (caFile !== undefined) return { endpoints, tls: { caFile, certificateFile, keyFile } };
  if (certificateFile !== undefined) read.problem('MCP2_ETCD_CA_FILE is required with a client certificate');
  return { endpoints, tls: undefined };
}

/** MCP2_ISSUER with MCP2_JWKS_FILE or MCP2_JWKS_URL; for development MCP2_DEV_HS256=1 with MCP2_HS256_SECRET_FILE. */
export function readTrust(read: EnvReader): TrustSettings {
  const trust = {
    issuer: read.optional('MCP2_ISSUER'),
    jwksFile: read.file('MCP2_JWKS_FILE'),
    jwksUrl: read.optional('MCP2_JWKS_URL'),
    developmentSecret: readDevelopmentSecret(read),
  };
  const sources = [trust.jwksFile, trust.jwksUrl].filter((source) => source !== undefined);
  if (sources.length > 1) read.problem('set MCP2_JWKS_FILE or MCP2_JWKS_URL, not both');
  if (sources.length > 0 !== (trust.issuer !== undefined)) {
    read.problem('MCP2_ISSUER and its keys (MCP2_JWKS_FILE or MCP2_JWKS_URL) must be set together');
  }
  if (sources.length === 0 && trust.developmentSecret === undefined) {
    read.problem('no token could be verified: set MCP2_ISSUER and MCP2_JWKS_FILE or MCP2_JWKS_URL');
  }
  return trust;
}

/** A second switch beside the secret, so that a file left over from a trial does not open a production system. */
function readDevelopmentSecret(read: EnvReader): Uint8Array | undefined {
  const path = read.file('MCP2_HS256_SECRET_FILE');
  const isEnabled = read.optional('MCP2_DEV_HS256') === '1';
  if (path === undefined && !isEnabled) return undefined;
  if (path === undefined || !isEnabled) {
    read.problem('HS256 tokens are for development: set both MCP2_DEV_HS256=1 and MCP2_HS256_SECRET_FILE');
    return undefined;
  }
  const secret = readSecret(path);
  if (secret.length >= MIN_DEVELOPMENT_SECRET_BYTES) return secret;
  read.problem(`MCP2_HS256_SECRET_FILE must hold at least ${MIN_DEVELOPMENT_SECRET_BYTES} bytes`);
  return undefined;
}

/** Without the line end that editors add. Empty for a file that cannot be read, which was reported already. */
function readSecret(path: string): Uint8Array {
  try {
    return Buffer.from(
      readForeignFileSync(path, { maxBytes: MAX_SECRET_BYTES }).toString('latin1').trimEnd(),
      'latin1',
    );
  } catch {
    return Buffer.alloc(0);
  }
}
