/**
 * Every method of every service over the wire, as strangers call it. Requests are made from the .proto files and rights
 * from the rows of method-rules.ts, so that a new method is in this test by itself.
 */
import { type ServiceDefinition, status } from '@grpc/grpc-js';
import { service as health } from 'grpc-health-check';
import { CompactSign } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { requiredCapabilities } from '#lib/capability/required.ts';
import { compileResource, type Method, RESOURCE_KINDS } from '#lib/capability/resource.ts';
import { systemClock } from '#lib/clock.ts';
import { bidiStream } from '#lib/grpc/bidi-stream.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { clientStream } from '#lib/grpc/client-stream.ts';
import { implement, RefusedRequest, type ServiceEntry } from '#lib/grpc/method.ts';
import { serverStream } from '#lib/grpc/server-stream.ts';
import { unary } from '#lib/grpc/unary.ts';
import { createAuthenticate } from '#lib/middleware/authenticate.ts';
import { createGuards, type OwnGuards, ruleOf, type StoredResources } from '#lib/middleware/guard.ts';
import { authorize, requireAudience } from '#lib/token/authorize.ts';
import { parseKeySet } from '#lib/token/key-set.ts';
import { createKeySource, type KeySource } from '#lib/token/key-source.ts';
import { mintToken } from '#lib/token/mint.ts';
import type { MintRequest } from '#lib/token/mint-request.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import { createTokenVerifier } from '#lib/token/verify.ts';
import { loadServices } from '#protos/load.ts';
import { Callers } from '../../services/registry/caller.ts';
import { createRegistryGuards } from '../../services/registry/guards.ts';
import { ANY_NAME, createMessageFiller } from '../harness/filled-message.ts';
import { startGrpcServer, type TestGrpcServer } from '../harness/grpc-server.ts';

const ISSUER = 'mcp2:test';
const SERVER = 'Server_Under_Test';
const services = loadServices();
const fillMessage = createMessageFiller();

interface MethodUnderTest {
  readonly name: string;
  readonly service: ServiceDefinition;
  readonly method: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly request: Record<string, unknown>;
}

const METHODS: readonly MethodUnderTest[] = Object.entries(services).flatMap(([serviceName, service]) =>
  Object.entries(service as ServiceDefinition).map(([method, { requestStream, responseStream, ...definition }]) => {
    const { name: type } = (definition as unknown as { requestType: { type: { name: string } } }).requestType.type;
    const request = fillMessage(`mcp2.${type}`);
    return { name: `${serviceName}.${method}`, service, method, requestStream, responseStream, request };
  }),
);
const GUARDED = METHODS.filter(({ name }) => ruleOf(name).on !== 'nothing');
const OPEN = METHODS.filter(({ name }) => ruleOf(name).on === 'nothing');
/** The audience filters what is found there; it does not gate the call. */
const SEARCHES = ['Discovery.Lookup', 'Discovery.Watch'];

const mayRevoke = (_request: unknown, token: VerifiedToken) => {
  requireAudience(token, SERVER);
  authorize(token, { method: 'TokenService.Revoke', resource: ANY_NAME });
};
const own: OwnGuards = {
  ...createRegistryGuards(new Callers(() => Buffer.alloc(0))),
  'TokenService.Revoke': mayRevoke,
  'TokenService.WatchRevocations': mayRevoke,
};
/** What the rows `own` ask for. */
const OWN_RIGHTS: Readonly<Record<string, readonly string[]>> = {
  'Discovery.Lookup': ['registry:lookup'],
  'Discovery.Watch': ['registry:lookup'],
  'Discovery.Register': [`registry:register:${ANY_NAME}`, `registry:provide:${ANY_NAME}`],
  'TokenService.Revoke': [`token:revoke:${ANY_NAME}`],
  'TokenService.WatchRevocations': [`token:revoke:${ANY_NAME}`],
};
const OWN_SERVER: Readonly<Record<string, string>> = { 'Discovery.Register': 'RegistryServer' };
const stored: StoredResources = {
  'EventBus.Ack': () => ANY_NAME,
  'EventBus.DeleteSubscription': async () => ANY_NAME,
  'EventBus.ListSubscriptions': () => ANY_NAME,
};

let server: TestGrpcServer;
let key: SigningKey;
const feed = { isSilent: false };
/** The methods whose handler was reached. */
const reached: string[] = [];

beforeAll(async () => {
  const { privateJwk, publicJwks } = await generateSigningKey('EdDSA');
  key = await importSigningKey(privateJwk);
  const policy = { refreshAfterMs: 1e12, maxAgeMs: 1e12, maxStaleMs: 1e12, retryAfterMs: 1000 };
  const read = () => parseKeySet(JSON.stringify(publicJwks));
  const keys: KeySource = createKeySource({ clock: systemClock, policy, read });
  const verifier = createTokenVerifier({ issuers: [{ iss: ISSUER, keys }], clock: systemClock });
  const authenticate = createAuthenticate(verifier);
  const revocations = { isRevoked: () => false, isStale: () => feed.isSilent };
  const guards = createGuards({ serverName: SERVER, authenticate, revocations, own, stored });
  server = await startGrpcServer(Object.values(services).map(implementAll), { guards });
});
afterAll(() => server[Symbol.asyncDispose]());

function implementAll(definition: object): ServiceEntry {
  const methods = METHODS.filter(({ service }) => service === definition).map((method) => [
    method.method,
    answer(method),
  ]);
  return implement(definition as ServiceDefinition, Object.fromEntries(methods));
}

function answer({ name, requestStream, responseStream }: MethodUnderTest) {
  const reach = () => {
    reached.push(name);
    return {};
  };
  if (!requestStream) {
    if (!responseStream) return unary(reach);
    return serverStream(async function* () {
      yield reach();
    });
  }
  // A handler that reads nothing: what lets it begin must not hang on its reading.
  if (!responseStream) return clientStream(async () => reach());
  return bidiStream(async function* (messages) {
    // A refusal that is its message's alone comes to the handler, which hands it on in its own way.
    if (ruleOf(name).on === 'each, on its own') await requireFirst(messages);
    yield reach();
  });
}

async function requireFirst(messages: AsyncIterable<unknown>): Promise<void> {
  for await (const message of messages) {
    if (message instanceof RefusedRequest) throw message.error;
    return;
  }
}

/** "OK", or the status and the reason of the refusal. */
async function outcomeOf({ service, method, requestStream, responseStream, request }: MethodUnderTest, token?: string) {
  const client = server.client(service) as unknown as Record<string, (...args: unknown[]) => unknown>;
  const settings = { deadlineMs: 5_000, metadata: token === undefined ? {} : { authorization: `Bearer ${token}` } };
  const kind = `${requestStream ? 'bidi' : 'server'}Stream`;
  try {
    if (!responseStream) {
      const one = requestStream ? client.clientStream : client.call;
      await one?.call(client, method, requestStream ? only(request) : request, settings);
    } else {
      const stream = client[kind]?.call(client, method, requestStream ? only(request) : request, settings);
      for await (const _answer of stream as AsyncIterable<unknown>) break;
    }
    return 'OK';
  } catch (error) {
    if (error instanceof CallError) return `${status[error.code]} ${error.reason}`;
    throw error;
  }
}

async function* only(request: unknown) {
  yield request;
}

/** The claims that are just enough. */
function enough({ name, request }: MethodUnderTest): Partial<MintRequest> {
  const rule = ruleOf(name);
  const audience = 'audience' in rule ? rule.audience?.(request) : OWN_SERVER[name];
  return { aud: [audience ?? SERVER], capabilities: capabilitiesFor(name, request) };
}

/** The method that a grant names for this one. */
function grantedAs(name: string): string {
  const rule = ruleOf(name);
  return ('as' in rule && rule.as) || name;
}

function capabilitiesFor(name: string, request: unknown): readonly string[] {
  const rule = ruleOf(name);
  if (rule.on === 'own') return OWN_RIGHTS[name] ?? [];
  if (rule.on === 'any' || rule.on === 'nothing') return ['db:anything:read'];
  const resource = rule.resource === 'stored' ? ANY_NAME : rule.resource(request);
  const method = rule.as ?? (name as Method);
  return requiredCapabilities(method, compileResource(method, resource), 'shop.agent')
    .slice(-1)
    .map(({ text }) => text);
}

const mint = (claims: Partial<MintRequest>) => {
  const usual = { iss: ISSUER, sub: 'shop.agent', aud: [SERVER], ttlSeconds: 300 };
  return mintToken(key, { ...usual, ...claims }, { clock: systemClock });
};

/** Where any right would do: one of a namespace that nobody knows, which is never minted. */
async function signWithoutRights(): Promise<string> {
  const nowSeconds = Math.floor(systemClock.nowMs() / 1000);
  const claims = { iss: ISSUER, sub: 'shop.agent', aud: [SERVER], iat: nowSeconds, exp: nowSeconds + 300 };
  const payload = { ...claims, jti: 'a'.repeat(22), capabilities: ['cache:of:nothing'] };
  const header = { alg: key.alg, kid: key.kid, typ: 'mcp2-cap+jwt' };
  return new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader(header).sign(key.key);
}

const without = ({ capabilities, ...claims }: Partial<MintRequest>): Partial<MintRequest> => claims;

describe.each(GUARDED)('$name', (method) => {
  const rule = ruleOf(method.name);
  const refusedWith = async (token: string | undefined, outcome: string) => {
    reached.length = 0;
    expect(await outcomeOf(method, token)).toBe(outcome);
    expect(reached).toEqual(outcome === 'OK' ? [method.name] : []);
  };

  test('with just enough it is answered', async () => {
    await refusedWith(await mint(enough(method)), 'OK');
  });

  test('without a credential it is refused', async () => {
    await refusedWith(undefined, 'UNAUTHENTICATED CREDENTIAL_MISSING');
  });

  test('a token for another audience is refused, or filters what is found', async () => {
    const outcome = SEARCHES.includes(method.name) ? 'OK' : 'PERMISSION_DENIED AUDIENCE_MISMATCH';
    await refusedWith(await mint({ ...enough(method), aud: ['Another_Server'] }), outcome);
  });

  test('a token without the right is refused', async () => {
    const capabilities = ['db:of_another:read'];
    const token = rule.on === 'any' ? await signWithoutRights() : await mint({ ...enough(method), capabilities });
    await refusedWith(token, 'PERMISSION_DENIED CAPABILITY_DENIED');
  });

  test('a grant for another method is refused', async () => {
    const other = grantedAs(method.name) === 'ContextTool.InvokeTool' ? 'EventBus.Publish' : 'ContextTool.InvokeTool';
    const grants = [{ method: other, resource: [ANY_NAME] }];
    await refusedWith(
      await mint({ ...without(enough(method)), grants } as Partial<MintRequest>),
      'PERMISSION_DENIED CAPABILITY_DENIED',
    );
  });

  if ('params' in rule && rule.params !== undefined) {
    test('a parameter that the grant does not allow is refused', async () => {
      const grants = [{ method: grantedAs(method.name), resource: [ANY_NAME], params: {} }];
      const claims = { ...without(enough(method)), grants } as Partial<MintRequest>;
      await refusedWith(await mint(claims), 'PERMISSION_DENIED CAPABILITY_DENIED');
      const allowed = [{ method: grantedAs(method.name), resource: [ANY_NAME], params: { filter: {} } }];
      await refusedWith(await mint({ ...claims, grants: allowed } as Partial<MintRequest>), 'OK');
    });
  }

  test('while the revocation feed is silent a write is refused, and a read is not', async () => {
    feed.isSilent = true;
    try {
      const writes = 'writes' in rule && rule.writes;
      await refusedWith(await mint(enough(method)), writes ? 'UNAVAILABLE REVOCATION_STALE' : 'OK');
    } finally {
      feed.isSilent = false;
    }
  });
});

test.each(OPEN)('$name is answered to anybody', async (method) => {
  expect(await outcomeOf(method)).toBe('OK');
});

test('health is answered to anybody', async () => {
  expect(await server.client(health as never).call('Check' as never, {} as never)).toMatchObject({ status: 'SERVING' });
});

test('every method that can be named in a grant is guarded', () => {
  const guarded = GUARDED.map(({ name }) => name);
  expect(Object.keys(RESOURCE_KINDS).filter((name) => !guarded.includes(name))).toEqual([]);
});
