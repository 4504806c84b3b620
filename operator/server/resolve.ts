/**
 * What one resource points at, as the cluster shows it now: its endpoints, the CA they are verified against, and the
 * name in their certificates. A reference that leads nowhere is an answer, not an error.
 */
import { X509Certificate } from 'node:crypto';
import { ReferenceNotPermitted, type References } from '../source/source.ts';
import { parseAddress } from './address.ts';
import { type Candidate, hostPort, instanceIdOf, resolveService } from './endpoints.ts';
import type { ReferenceState } from './observation.ts';
import type { Mcp2Server } from './resource.ts';

/** Twice what a bundle of all public authorities has; a ConfigMap could hold 1 MiB. */
export const MAX_CA_BUNDLE_CHARACTERS = 512 * 1024;

export interface Resolved {
  readonly references: ReferenceState;
  /** Empty when the Service or its port is not there. */
  readonly candidates: readonly Candidate[];
  /** Ready, draining and not ready. */
  readonly total: number;
  /** PEM; undefined = the default for this kind of source. */
  readonly caBundle?: string;
  /** The CA bundle that is asked for cannot be had: nothing can be proved, and what was proved before stands. */
  readonly lacksCaBundle?: boolean;
  /** Undefined for plaintext. */
  readonly tlsServerName: string | undefined;
}

export async function resolve(resource: Mcp2Server, reader: References, signal: AbortSignal): Promise<Resolved> {
  const endpoints = resource.spec.source.service ? ofService(resource, reader) : ofAddress(resource);
  const reference = resource.spec.tls.caBundleRef;
  if (!reference || endpoints.references.kind !== 'resolved') return endpoints;
  try {
    const { namespace } = resource.metadata;
    const caBundle = await reader.configMapText(namespace, reference.name, reference.key, signal);
    if (caBundle === undefined) return lacking(endpoints, { kind: 'ca-bundle-not-found' });
    const detail = certificateProblem(caBundle);
    if (detail !== undefined) return lacking(endpoints, { kind: 'certificate-invalid', detail });
    return { ...endpoints, caBundle };
  } catch (error) {
    if (!(error instanceof ReferenceNotPermitted)) throw error;
    return lacking(endpoints, { kind: 'not-permitted', what: error.what });
  }
}

/** A wrong hand at one ConfigMap must not take the endpoints of every server that refers to it out of Discovery. */
function lacking(endpoints: Resolved, references: ReferenceState): Resolved {
  return { ...endpoints, references, lacksCaBundle: true };
}

function ofAddress({ spec }: Mcp2Server): Resolved {
  const address = parseAddress(spec.source.address ?? '');
  if (!address) return unresolved({ kind: 'not-permitted', what: 'spec.source.address' });
  const url = hostPort(address.host, address.port);
  return {
    references: { kind: 'resolved' },
    candidates: [{ instanceId: instanceIdOf(url), url, state: 'ready' }],
    total: 1,
    tlsServerName: spec.tls.mode === 'Disabled' ? undefined : (spec.tls.serverName ?? address.host),
  };
}

function ofService({ metadata, spec }: Mcp2Server, reader: References): Resolved {
  const { name, port } = spec.source.service ?? { name: '', port: '' };
  const { namespace } = metadata;
  const service = reader.service(namespace, name);
  const resolution = resolveService(service, reader.endpointSlices(namespace, name), String(port));
  if (resolution.kind !== 'resolved') return unresolved(resolution);
  const { candidates, total, warning } = resolution;
  const tlsServerName = spec.tls.serverName ?? `${name}.${namespace}.svc`;
  return {
    references: { kind: 'resolved', ...(warning === undefined ? {} : { warning }) },
    candidates,
    total,
    tlsServerName: spec.tls.mode === 'Disabled' ? undefined : tlsServerName,
  };
}

/** @returns undefined for a bundle whose first certificate is readable. */
function certificateProblem(pem: string): string | undefined {
  if (pem.length > MAX_CA_BUNDLE_CHARACTERS) return 'it is larger than 512 KiB; keep the authorities that are needed';
  try {
    new X509Certificate(pem);
    return undefined;
  } catch {
    return 'it does not begin with a certificate in PEM';
  }
}

function unresolved(references: ReferenceState): Resolved {
  return { references, candidates: [], total: 0, tlsServerName: undefined };
}
