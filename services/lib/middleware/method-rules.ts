/**
 * Who may call what: one row a method, of every service there is, so that none can be served without one.
 *
 * A row says where the call carries its credential, which resource and parameters it is about, and whether it writes; which
 * right that needs follows from the method and the resource (capability/required.ts). A service adds a row here with each
 * method that it adds to its .proto file; without it nothing compiles.
 */
import type { MethodDefinition } from '@grpc/proto-loader';
import type { Services } from '#protos/load.ts';
import type { Arguments } from '../capability/grant.ts';
import type { Method } from '../capability/resource.ts';
import type { MethodName } from '../grpc/client.ts';
import type { CredentialFields } from './authenticate.ts';

type Credential<Request> = (request: Request) => CredentialFields;

interface Checked<Request> {
  readonly credential: Credential<Request>;
  /**
   * What the call is about; `stored` where something stored decides, which the service then looks up. The service may do so
   * for any row.
   */
  readonly resource: ((request: Request) => string) | 'stored';
  /** The method whose right this one needs. Default: its own. */
  readonly as?: Method;
  /** Whom the token must be meant for. Default: this server. */
  readonly audience?: (request: Request) => string;
  /** The arguments, for methods that have some. */
  readonly params?: (request: Request) => Arguments;
  /** Refused while revocations cannot be checked. */
  readonly writes: boolean;
}

export type MethodRule<Request> =
  /** The one request, the first message of a stream, or each of them. */
  | ({ readonly on: 'request' | 'first' | 'each' } & Checked<Request>)
  /** Each message of a stream; one that is refused, but not for its credential, is handed on as a RefusedRequest. */
  | ({ readonly on: 'each, on its own' } & Checked<Request>)
  /** Any right will do, or a grant of the method itself; the resource is this server. */
  | { readonly on: 'any'; readonly credential: Credential<Request> }
  /** A function of the service decides, with the verified token; `about` is for the record of a refusal alone. */
  | {
      readonly on: 'own';
      readonly credential: Credential<Request>;
      readonly about?: (request: Request) => string;
      readonly writes: boolean;
    }
  /** Anybody may call. */
  | { readonly on: 'nothing' };

/** As it was received and decoded. */
export type ReceivedRequest<Method> =
  Method extends MethodDefinition<infer _In, infer _Response, infer Request, infer _Out> ? Request : never;

type RulesOf<Definition> = {
  readonly [Name in MethodName<Definition>]: MethodRule<ReceivedRequest<Definition[Name]>>;
};

export type MethodRules = { readonly [Service in keyof Services]: RulesOf<Services[Service]> } & {
  readonly Health: Readonly<Record<string, MethodRule<never>>>;
};

const ANYBODY = Object.freeze({ on: 'nothing' });

interface CapabilityFields {
  readonly capability_token: string;
  readonly agent_delegation_proof: string;
}

interface ToolArguments {
  readonly arguments: Readonly<Record<string, Uint8Array>>;
  readonly arguments_json: Uint8Array;
}

/** For a message of a stream that carries none: its metadata may. */
const NO_FIELDS: CredentialFields = Object.freeze({ token: '', proof: '' });

function ofCapabilityToken(fields: CapabilityFields | null | undefined): CredentialFields {
  return fields ? { token: fields.capability_token, proof: fields.agent_delegation_proof } : NO_FIELDS;
}

function ofRequester(request: { readonly requester_token: string; readonly agent_delegation_proof: string }) {
  return { token: request.requester_token, proof: request.agent_delegation_proof };
}

function ofRegistrant(request: { readonly registration_token: string; readonly agent_delegation_proof: string }) {
  return { token: request.registration_token, proof: request.agent_delegation_proof };
}

function ofSubscriber(request: { readonly subscriber_token: string; readonly agent_delegation_proof: string }) {
  return { token: request.subscriber_token, proof: request.agent_delegation_proof };
}

function ofCredential({ credential: token }: { readonly credential: string }): CredentialFields {
  return { token, proof: '' };
}

/** Arguments in one JSON text cannot be looked at one by one: no grant with `params` lists this name. */
const ALL_IN_ONE = 'arguments_json (all arguments in one)';

function argumentsOf({ arguments: args, arguments_json: json }: ToolArguments): Arguments {
  return json.length === 0 ? args : { ...args, [ALL_IN_ONE]: json };
}

export const METHOD_RULES: MethodRules = Object.freeze({
  Discovery: {
    Register: { on: 'own', credential: ofRegistrant, about: ({ server_name: name }) => name, writes: true },
    Lookup: {
      on: 'own',
      credential: ofRequester,
      about: ({ capability_filter: filter }) => filter.join(' '),
      writes: false,
    },
    Watch: {
      on: 'own',
      credential: ofRequester,
      about: ({ capability_filter: filter }) => filter.join(' '),
      writes: false,
    },
    Heartbeat: { on: 'each', credential: ofRegistrant, resource: ({ server_name: name }) => name, writes: false },
    Deregister: { on: 'request', credential: ofRegistrant, resource: ({ server_name: name }) => name, writes: false },
    // Of the server whose card is asked for: the caller's token is meant for that server, not for the registry.
    GetCard: {
      on: 'request',
      credential: ofRequester,
      audience: ({ server_name: name }) => name,
      resource: ({ server_name: name }) => name,
      writes: false,
    },
  },
  ContextTool: {
    RequestContext: {
      on: 'request',
      credential: ofCapabilityToken,
      resource: ({ context_key: key }) => key,
      params: ({ parameters }) => parameters,
      writes: false,
    },
    InvokeTool: {
      on: 'request',
      credential: ofCapabilityToken,
      resource: ({ tool_name: name }) => name,
      params: argumentsOf,
      writes: true,
    },
    InvokeToolStream: {
      on: 'first',
      as: 'ContextTool.InvokeTool',
      credential: ({ request }) => ofCapabilityToken(request),
      resource: ({ request }) => request?.tool_name ?? '',
      params: ({ request }) => (request ? argumentsOf(request) : {}),
      writes: true,
    },
    PublishTelemetry: {
      on: 'first',
      credential: ({ header }) => ofCapabilityToken(header),
      resource: ({ header }) => header?.stream_id ?? '',
      writes: true,
    },
    SubscribeTelemetry: {
      on: 'request',
      credential: ofCapabilityToken,
      resource: ({ stream_id: stream }) => stream,
      writes: false,
    },
    MultiModalExchange: {
      on: 'first',
      credential: ({ open }) => ofCapabilityToken(open),
      resource: ({ open }) => open?.session_kind ?? '',
      writes: true,
    },
    UploadContext: {
      on: 'first',
      credential: ({ header }) => ofCapabilityToken(header),
      resource: ({ header }) => header?.context_key ?? '',
      writes: true,
    },
  },
  EventBus: {
    Publish: {
      on: 'request',
      credential: ({ publisher_token: token, agent_delegation_proof: proof }) => ({ token, proof }),
      resource: ({ topic }) => topic,
      writes: true,
    },
    PublishStream: {
      on: 'each, on its own',
      as: 'EventBus.Publish',
      credential: ({ publisher_token: token, agent_delegation_proof: proof }) => ({ token, proof }),
      resource: ({ topic }) => topic,
      writes: true,
    },
    Subscribe: {
      on: 'request',
      credential: ofSubscriber,
      resource: ({ topic_filter: filter }) => filter,
      writes: false,
    },
    Ack: { on: 'request', credential: ofSubscriber, resource: 'stored', writes: false },
    DeleteSubscription: { on: 'request', credential: ofSubscriber, resource: 'stored', writes: false },
    ListTopics: {
      on: 'request',
      credential: ofSubscriber,
      resource: ({ topic_filter: filter }) => filter,
      writes: false,
    },
    ListSubscriptions: { on: 'request', credential: ofSubscriber, resource: 'stored', writes: false },
  },
  TokenService: {
    // The subject token is the argument and no capability token: the service itself asks whose it is.
    Exchange: ANYBODY,
    // The issuer, the token's own holder, or the right to revoke its subject.
    Revoke: { on: 'own', credential: ofCredential, writes: false },
    WatchRevocations: { on: 'own', credential: ofCredential, writes: false },
    GetJwks: ANYBODY,
  },
  ServiceInfo: {
    GetCard: { on: 'any', credential: ofRequester },
  },
  Health: {
    Check: ANYBODY,
    List: ANYBODY,
    Watch: ANYBODY,
  },
} as const satisfies MethodRules);
