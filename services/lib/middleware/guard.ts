/**
 * The guard of each method, made from its row in method-rules.ts: token, audience, right, then whether writes may go on.
 *
 * One function a method, made when the method is registered; synchronous with a token that was verified before.
 */

import { status } from '@grpc/grpc-js';
import type { Services } from '#protos/load.ts';
import type { Method } from '../capability/resource.ts';
import { ServiceError } from '../errors.ts';
import type { MethodName } from '../grpc/client.ts';
import type { Guard, Guards, MethodGuard } from '../grpc/guard.ts';
import { statusCodeOf } from '../grpc/status.ts';
import { authorize, requireAudience } from '../token/authorize.ts';
import { type Revocations, requireFreshRevocations } from '../token/revocations.ts';
import type { VerifiedToken } from '../token/verified-token.ts';
import type { Authenticate, CredentialFields, Reauthenticate } from './authenticate.ts';
import { METHOD_RULES, type MethodRule, type ReceivedRequest } from './method-rules.ts';

type Qualified<Service extends keyof Services> = `${Service}.${MethodName<Services[Service]>}`;
/** "Discovery.Lookup" and the like. */
export type MethodPath = { [Service in keyof Services]: Qualified<Service> }[keyof Services];
type RequestAt<Path> = Path extends `${infer Service extends keyof Services}.${infer Name}`
  ? Name extends keyof Services[Service]
    ? ReceivedRequest<Services[Service][Name]>
    : never
  : never;

/** Functions for the rows `own`: each throws or rejects with the ServiceError that refuses the call. */
export type OwnGuards = {
  readonly [Path in MethodPath]?: (request: RequestAt<Path>, token: VerifiedToken) => void | Promise<void>;
};

/**
 * Functions for the rows whose resource is `stored`, and for others where the request alone does not say it. Undefined: the
 * function has decided by itself that the caller may.
 */
export type StoredResources = {
  readonly [Path in MethodPath]?: (
    request: RequestAt<Path>,
    token: VerifiedToken,
  ) => string | undefined | Promise<string | undefined>;
};

/** Functions that look at a request's form, after the credential and before any right: each throws a ServiceError. */
export type FormChecks = {
  readonly [Path in MethodPath]?: (request: RequestAt<Path>) => void;
};

export interface GuardOptions {
  /** Whom tokens must be meant for. */
  readonly serverName: string;
  readonly authenticate: Authenticate;
  /** Of the same verifier: spares a stream's messages the search for a token that it knows. Default: none is spared. */
  readonly reauthenticate?: Reauthenticate;
  readonly revocations: Revocations;
  readonly own?: OwnGuards;
  readonly stored?: StoredResources;
  readonly forms?: FormChecks;
}

type AnyRule = MethodRule<unknown>;
type CheckedRule = Extract<AnyRule, { readonly on: 'request' | 'first' | 'each' | 'each, on its own' }>;
/** Resources of one stream; above that all are forgotten and asked again. */
const MAX_ALLOWED = 1_024;

type Decide = (request: unknown, token: VerifiedToken) => void | Promise<void>;

export function createGuards(options: GuardOptions): Guards {
  return function guardOf(method): MethodGuard {
    const rule = ruleOf(method);
    if (rule.on === 'nothing') return rule;
    const decide = decisionOf(method, rule, options);
    const guard = guardWith(rule.credential, decide, options.authenticate);
    if (rule.on === 'first') return { on: 'first', check: guard };
    const begin = () =>
      rememberingToken(rule.credential, decisionOf(method, rule, options, new AllowedResources()), options);
    if (rule.on === 'each') return { on: 'each', begin };
    if (rule.on === 'each, on its own') return { on: 'each', begin, isRefusedAlone };
    return { on: 'request', check: guard };
  };
}

/** @throws Error for a method without a row. */
export function ruleOf(method: string): AnyRule {
  const [service = '', name = ''] = method.split('.');
  const rules = ownMember(
    METHOD_RULES as unknown as Readonly<Record<string, Readonly<Record<string, AnyRule>>>>,
    service,
  );
  const rule = rules && ownMember(rules, name);
  if (rule === undefined) throw new Error(`nothing says who may call ${method}: add a row to method-rules.ts`);
  return rule;
}

/** What a request is about, for the record of a refusal: nobody has checked it. Undefined where the message does not say. */
export function subjectOf(method: string, request: unknown): string | undefined {
  const rule = ruleOf(method);
  const about = rule.on === 'own' ? rule.about : 'resource' in rule ? rule.resource : undefined;
  return request !== undefined && typeof about === 'function' ? about(request) : undefined;
}

function guardWith(
  credential: (request: unknown) => CredentialFields,
  decide: Decide,
  authenticate: Authenticate,
): Guard {
  return function guard(request, call) {
    call.guarded = request;
    const token = authenticate(credential(request), call);
    return token instanceof Promise ? token.then((verified) => decide(request, verified)) : decide(request, token);
  };
}

/**
 * A message without a token stands on the one before, which is asked again: a stream never outlives its token. A newer one
 * must be of the same caller, whose stream it is.
 */
function rememberingToken(
  credential: (request: unknown) => CredentialFields,
  decide: Decide,
  { authenticate, reauthenticate = () => false }: GuardOptions,
): Guard {
  let text = '';
  let known: VerifiedToken | undefined;
  let holder: Pick<VerifiedToken, 'iss' | 'sub'> | undefined;
  const remembered: Authenticate = ({ token, proof }, call) => {
    const isSame = token === '' || token === text;
    if (isSame && proof === '' && known !== undefined && reauthenticate(known, call)) return known;
    if (!isSame) text = token;
    known = undefined;
    return authenticate({ token: text, proof }, call);
  };
  const decideForHolder: Decide = (request, verified) => {
    holder ??= verified;
    if (verified.iss !== holder.iss || verified.sub !== holder.sub) {
      throw new ServiceError(
        'CREDENTIAL_CONFLICT',
        'the new token is of another subject; open a stream of its own for it',
      );
    }
    known = verified;
    return decide(request, verified);
  };
  return guardWith(credential, decideForHolder, remembered);
}

/** Of one stream: what its token was allowed, so that the next message about the same costs a look-up. */
class AllowedResources {
  #token: VerifiedToken | undefined;
  readonly #resources = new Set<string>();

  has(token: VerifiedToken, resource: string): boolean {
    return token === this.#token && this.#resources.has(resource);
  }

  add(token: VerifiedToken, resource: string): void {
    if (token !== this.#token || this.#resources.size >= MAX_ALLOWED) this.#resources.clear();
    this.#token = token;
    this.#resources.add(resource);
  }
}

/** Who calls is known, so the next message may be another one's turn. */
function isRefusedAlone(error: unknown): error is ServiceError {
  return error instanceof ServiceError && statusCodeOf(error.reason) !== status.UNAUTHENTICATED;
}

/** @throws Error when the service left out a function that a row needs. */
function decisionOf(
  method: string,
  rule: Exclude<AnyRule, { readonly on: 'nothing' }>,
  options: GuardOptions,
  allowed?: AllowedResources,
): Decide {
  const { serverName, revocations } = options;
  if (rule.on === 'any') {
    return (_request, token) => {
      requireAudience(token, serverName);
      authorize(token, { method: method as Method, resource: serverName });
    };
  }
  const decide = rule.on === 'own' ? ownDecision(method, options) : checkedDecision(method, rule, options, allowed);
  if (!rule.writes) return decide;
  return (request, token) => {
    const decided = decide(request, token);
    if (decided === undefined) return requireFreshRevocations(revocations);
    return decided.then(() => requireFreshRevocations(revocations));
  };
}

function ownDecision(method: string, { own = {} }: GuardOptions): Decide {
  return required(method, own as Readonly<Record<string, Decide>>, 'its own guard');
}

type Find = (request: unknown, token: VerifiedToken) => string | undefined | Promise<string | undefined>;

function checkedDecision(method: string, rule: CheckedRule, options: GuardOptions, allowed?: AllowedResources): Decide {
  const { serverName, stored = {}, forms = {} } = options;
  const { resource, params, audience = () => serverName, as = method as Method } = rule;
  const allow = (request: unknown, token: VerifiedToken, about: string | undefined) => {
    if (about === undefined || allowed?.has(token, about)) return;
    authorize(token, { method: as, resource: about, params: params?.(request) });
    if (params === undefined) allowed?.add(token, about);
  };
  const requireForm = ownMember(forms as Readonly<Record<string, (request: unknown) => void>>, method);
  const finds = stored as Readonly<Record<string, Find>>;
  const find = resource === 'stored' ? required(method, finds, 'what its resource is') : ownMember(finds, method);
  if (find === undefined && resource !== 'stored') {
    return (request, token) => {
      requireAudience(token, audience(request));
      requireForm?.(request);
      allow(request, token, resource(request));
    };
  }
  return (request, token) => {
    requireAudience(token, audience(request));
    requireForm?.(request);
    const found = (find as Find)(request, token);
    return found instanceof Promise
      ? found.then((about) => allow(request, token, about))
      : allow(request, token, found);
  };
}

/** A name may be "constructor"; the prototype must not answer for it. */
function ownMember<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function required<T>(method: string, given: Readonly<Record<string, T>>, what: string): T {
  const found = ownMember(given, method);
  if (found === undefined) throw new Error(`${method} needs ${what} from its service`);
  return found;
}
