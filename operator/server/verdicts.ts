/**
 * One function a condition: from what was seen to status, reason and a message that says what to do.
 *
 * Messages are read by people in `kubectl describe`; programs read the reason. So a message may change with a release,
 * a reason may not. Nothing in a message changes while the situation stays the same, or every probe would write.
 */
import { MAX_ENDPOINTS } from '#lib/store/servers.ts';
import type { FailedHandshake, Observation, ReferenceState } from './observation.ts';
import type { HandshakeFailure } from './prober.ts';
import type { Condition, Mcp2ServerSpec, Problem } from './resource.ts';

export type ConditionState = Pick<Condition, 'status' | 'reason' | 'message'>;

const MAX_LISTED = 3;

/** What leads to no endpoints at all; a CA bundle that is missing is something else. */
const NO_ENDPOINTS: readonly ReferenceState['kind'][] = ['service-not-found', 'port-not-found', 'external-name'];

/** Commonest first when two failures are equally common: what is unsafe before what is broken. */
const FAILURE_ORDER: readonly HandshakeFailure[] = [
  'OpenToAnyone',
  'TokenRejected',
  'WrongProtocol',
  'TLSFailed',
  'Unreachable',
];

const FAILURE_ADVICE: Readonly<Record<HandshakeFailure, string>> = {
  OpenToAnyone: 'it answers calls without a token; let it verify tokens on every call, ServiceInfo.GetCard included',
  TokenRejected:
    "it refuses the operator's token; give it the control plane's public keys (ConfigMap mcp2-jwks) and check that its own server name is the one registered here",
  WrongProtocol: 'it does not serve mcp2.ServiceInfo; implement GetCard, or remove Handshake from spec.readiness.gates',
  TLSFailed: 'the TLS handshake failed; check spec.tls.mode, caBundleRef and serverName against its certificate',
  Unreachable: 'no connection; check that it listens on this port and that network policies let the operator through',
};

export function judgeAccepted({ parsed, denial, nameHolder }: Observation): ConditionState {
  if (!parsed) return unknown('Pending', 'The resource has not been looked at yet.');
  if (parsed.problems) return no('InvalidSpec', `${listProblems(parsed.problems)}. Correct the spec.`);
  if (denial?.reason === 'PrefixNotOwned') {
    return no('PrefixNotOwned', `Names that start with "${denial.prefix}" belong to ${denial.owner}; use others.`);
  }
  if (denial) return no('PolicyDenied', `${denial.policy} does not allow this: ${denial.detail}.`);
  if (nameHolder !== undefined) {
    const advice = 'Choose another spec.serverName in a new Mcp2Server, or remove that one first.';
    return no('NameConflict', `The server name belongs to ${nameHolder}. ${advice}`);
  }
  return yes('Valid', 'The resource is valid and the server name is free or already its own.');
}

export function judgeReferences({ parsed, references }: Observation): ConditionState {
  const spec = parsed?.ok?.spec;
  if (!spec || !references) return unknown('CacheNotSynced', 'What the resource refers to has not been looked up yet.');
  const service = spec.source.service;
  const bundle = spec.tls.caBundleRef;
  switch (references.kind) {
    case 'resolved':
      return yes('Resolved', references.warning ? `Resolved, but ${references.warning}.` : 'Everything was found.');
    case 'service-not-found':
      return no('ServiceNotFound', `There is no Service "${service?.name}" in this namespace; create it.`);
    case 'port-not-found':
      return no('PortNotFound', `The Service has no port ${service?.port}; it has ${list(references.available)}.`);
    case 'external-name':
      return no('RefNotPermitted', 'A Service of type ExternalName has no endpoints; use spec.source.address instead.');
    case 'ca-bundle-not-found':
      return no(
        'CABundleNotFound',
        `There is no ${bundle?.kind} "${bundle?.name}" with key "${bundle?.key}"; create it.`,
      );
    case 'certificate-invalid':
      return no('CertificateInvalid', `${bundle?.name}/${bundle?.key} is no usable PEM bundle: ${references.detail}.`);
    case 'not-permitted':
      return no(
        'RefNotPermitted',
        `The operator may not read ${references.what}; grant it, or refer to something else.`,
      );
  }
}

export function judgeEndpoints({ parsed, references, endpoints }: Observation): ConditionState {
  const spec = parsed?.ok?.spec;
  if (!spec || !references || !endpoints || NO_ENDPOINTS.includes(references.kind)) {
    return unknown('Pending', 'The endpoints are not known yet.');
  }
  const { ready, draining, total, settling = 0 } = endpoints;
  const wanted = spec.readiness.minReadyEndpoints;
  if (total === 0)
    return no('ScaledToZero', 'The Service has no endpoints; scale its workload up or fix its selector.');
  if (ready === 0 && draining === total) {
    return no('AllDraining', `All ${total} endpoints are shutting down; wait for new ones, or scale the workload up.`);
  }
  if (ready === 0) {
    return no('NoReadyEndpoints', `None of ${total} endpoints is ready; look at the readiness of the pods.`);
  }
  if (ready < wanted) {
    return no('BelowMinimum', `${ready} of ${wanted} wanted endpoints are ready; add some or lower minReadyEndpoints.`);
  }
  if (ready - settling < wanted) {
    const { minReadySeconds } = spec.readiness;
    return unknown('Pending', `${ready} of ${total} endpoints are ready; they count after ${minReadySeconds} s.`);
  }
  if (ready + draining > MAX_ENDPOINTS) {
    const advice = 'split the server if clients need the others';
    return yes('TooManyEndpoints', `Of ${ready + draining} endpoints ${MAX_ENDPOINTS} are registered; ${advice}.`);
  }
  return yes('EnoughEndpoints', `${ready} of ${total} endpoints are ready; ${wanted} wanted.`);
}

export function judgeHandshakes({ parsed, handshakes }: Observation): ConditionState {
  const spec = parsed?.ok?.spec;
  if (!spec) return unknown('Pending', 'No endpoint has been verified yet.');
  if (!needsHandshake(spec)) {
    return yes(
      'NotRequired',
      'Handshake is not among spec.readiness.gates, so ready endpoints are trusted as they are.',
    );
  }
  const { serving, pending, failed } = handshakes ?? { serving: 0, pending: 0, failed: [] };
  const wanted = spec.readiness.minReadyEndpoints;
  if (serving >= wanted) {
    const endpoints = serving === 1 ? 'endpoint' : 'endpoints';
    return yes('Verified', `${serving} ${endpoints} answered with a token and refused without one; ${wanted} wanted.`);
  }
  const common = commonest(failed);
  if (!common || serving + pending >= wanted) {
    return unknown('Pending', 'Too few endpoints have been verified yet; EndpointsReady says how many are ready.');
  }
  const { reason, url, message, advice = FAILURE_ADVICE[reason], count } = common;
  const detail = message === '' ? '' : ` (${message})`;
  const share = failed.length === 1 ? '' : ` ${count} of ${failed.length} failures are like this.`;
  return no(reason, `${url}: ${advice}${detail}.${share}`);
}

export function judgeCapabilities({ parsed, card }: Observation): ConditionState {
  const spec = parsed?.ok?.spec;
  if (!spec || !card) {
    const why =
      spec && !needsHandshake(spec) ? 'Without the gate Handshake no card is asked for' : 'There is no card yet';
    return unknown('NoCard', `${why}, so the declared capabilities could not be compared.`);
  }
  const { declaredOnly } = card;
  const undeclared = spec.capabilityMode === 'Discovered' ? [] : card.undeclared;
  const message = [describeMissing(declaredOnly), describeUndeclared(undeclared)]
    .filter((text) => text !== '')
    .join(' ');
  if (undeclared.length > 0) return no('UndeclaredCapability', message);
  if (declaredOnly.length > 0) return no('MissingCapability', message);
  return yes('Match', 'The server offers what is declared.');
}

function describeMissing(names: readonly string[]): string {
  if (names.length === 0) return '';
  const them = names.length === 1 ? 'it' : 'them';
  return `The server does not offer ${list(names)}. Add ${them} to the server, or remove ${them} from spec.capabilities.`;
}

function describeUndeclared(names: readonly string[]): string {
  if (names.length === 0) return '';
  const [stays, them] = names.length === 1 ? ['It stays', 'it'] : ['They stay', 'them'];
  const advice = `${stays} hidden: declare ${them} in spec.capabilities, or take ${them} out of the server.`;
  return `The server also offers ${list(names)}. ${advice}`;
}

export function judgeRegistered({ deleting, registration }: Observation): ConditionState {
  if (deleting) return no('Deleting', describeDeletion(registration));
  switch (registration?.kind) {
    case 'read-back':
      return yes('ReadBack', 'The record was read back from Discovery.');
    case 'rejected':
      return no('RegistryRejected', `The store of Discovery refused the record: ${registration.detail}.`);
    case 'unavailable':
      return unknown('StoreUnavailable', 'The store of Discovery does not answer; the operator goes on trying.');
    case undefined:
      return unknown('Pending', 'The record has not been written yet.');
  }
}

function describeDeletion(registration: Observation['registration']): string {
  if (registration?.kind !== 'unavailable') {
    return 'The record is being removed from Discovery; the resource goes after it.';
  }
  const way = 'annotate it with mcp2.dev/force-finalize=true, and the record is removed later';
  return `The store of Discovery does not answer; the resource goes after its record. To let it go now, ${way}.`;
}

export function needsHandshake({ readiness }: Mcp2ServerSpec): boolean {
  return readiness.gates.includes('Handshake');
}

function commonest(failed: readonly FailedHandshake[]): (FailedHandshake & { readonly count: number }) | undefined {
  const groups = FAILURE_ORDER.map((reason) => failed.filter((failure) => failure.reason === reason));
  const [largest = []] = groups.sort((a, b) => b.length - a.length);
  const sample = [...largest].sort((a, b) => (a.url < b.url ? -1 : 1))[0];
  return sample && { ...sample, count: largest.length };
}

function listProblems(problems: readonly Problem[]): string {
  return list(
    problems.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)),
    '; ',
  );
}

function list(items: readonly string[], separator = ', '): string {
  const more = items.length > MAX_LISTED ? ` and ${items.length - MAX_LISTED} more` : '';
  return items.slice(0, MAX_LISTED).join(separator) + more;
}

function yes(reason: string, message: string): ConditionState {
  return { status: 'True', reason, message };
}

function no(reason: string, message: string): ConditionState {
  return { status: 'False', reason, message };
}

function unknown(reason: string, message: string): ConditionState {
  return { status: 'Unknown', reason, message };
}
