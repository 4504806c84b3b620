/**
 * One server process of the registry's benchmark; its one argument is a LookupServerConfig as JSON. Prints
 * "listening on PORT".
 *
 * The variants differ in one thing each: `registry` is the product's Lookup; `no-auth` is the same handler on the same
 * index for whom every caller is verified already; `identity` is grpc-js alone, handing out the same bytes.
 */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '#lib/clock.ts';
import { plaintextServer } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { createServer } from '#lib/grpc/serve.ts';
import { unaryEncoded } from '#lib/grpc/unary.ts';
import {
  type Authenticate,
  createAuthenticate,
  createReauthenticate,
  type Reauthenticate,
} from '#lib/middleware/authenticate.ts';
import { createGuards } from '#lib/middleware/guard.ts';
import { createKeys } from '#lib/store/keys.ts';
import { encodeServerRecord, sealServerRecord } from '#lib/store/servers.ts';
import { createKeyFileSource } from '#lib/token/key-file.ts';
import { noRevocations } from '#lib/token/revocations.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import { createTokenVerifier } from '#lib/token/verify.ts';
import { REGISTRY_NAME } from '#lib/well-known.ts';
import type { LookupResponse } from '#protos/generated/mcp2/LookupResponse.ts';
import { loadServices } from '#protos/load.ts';
import { Callers } from '../../services/registry/caller.ts';
import { createRegistryGuards } from '../../services/registry/guards.ts';
import { createLookup } from '../../services/registry/lookup.ts';
import { ObservedLatency } from '../../services/registry/observed-latency.ts';
import { RegistrationIndex } from '../../services/registry/registration-index.ts';

export interface LookupServerConfig {
  readonly variant: 'registry' | 'no-auth' | 'identity';
  readonly issuer: string;
  readonly jwksFile: string;
  readonly servers: number;
  /** How many of them offer FILTER; named S0, S1, and so on. The others offer something else each. */
  readonly hits: number;
  /** The token that `no-auth` takes every caller for. */
  readonly token: string;
  /** Base64 of what `identity` answers. */
  readonly answer?: string;
}

export const PATH = '/mcp2.Discovery/Lookup';
export const FILTER = 'db:table7:read';
/** The same whatever the number of servers, so that all variants answer the same bytes. */
const REVISION = 1_000_000;

async function main(config: LookupServerConfig): Promise<void> {
  const port = config.variant === 'identity' ? await serveIdentity(config) : await serveLookup(config);
  console.log(`listening on ${port}`);
}

async function serveLookup(config: LookupServerConfig): Promise<number> {
  const { variant, issuer, jwksFile, token } = config;
  const { Discovery } = loadServices();
  const keys = createKeyFileSource({ path: jwksFile, clock: systemClock });
  const verifier = createTokenVerifier({ issuers: [{ iss: issuer, keys }], clock: systemClock });
  const index = new RegistrationIndex({ keys: createKeys(), clock: systemClock });
  await index.reset({ entries: entries(config), revision: REVISION });
  const known = await verifier.verify(token);
  const authenticate: Authenticate = variant === 'no-auth' ? takeFor(known) : createAuthenticate(verifier);
  const reauthenticate: Reauthenticate = variant === 'no-auth' ? takeAgainFor(known) : createReauthenticate(verifier);
  const encode = (response: LookupResponse) => Discovery.Lookup.responseSerialize(response);
  const callers = new Callers((descriptor) => encode({ endpoints: [descriptor] }));
  const lookup = createLookup({
    reauthenticate,
    callers,
    index,
    latency: new ObservedLatency(systemClock),
    staleness: { isStale: false },
    clock: systemClock,
    encode,
    random: Math.random,
  });
  const server = createServer({
    services: [implement(Discovery, { Lookup: unaryEncoded(lookup) })],
    guards: createGuards({
      serverName: REGISTRY_NAME,
      authenticate,
      revocations: noRevocations,
      own: createRegistryGuards(callers),
    }),
    credentials: plaintextServer(),
    clock: systemClock,
    log: pino({ level: 'silent' }),
    metrics: new Registry(),
  });
  return server.listen('127.0.0.1:0');
}

function takeFor(known: VerifiedToken): Authenticate {
  return (_fields, call) => {
    call.caller = known;
    return known;
  };
}

function takeAgainFor(known: VerifiedToken): Reauthenticate {
  return (_token, call) => {
    call.caller = known;
    return true;
  };
}

/** The limit of grpc-js: no codec, no work, the same bytes in and out. */
function serveIdentity({ answer = '' }: LookupServerConfig): Promise<number> {
  const same = (bytes: Buffer) => bytes;
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  const bytes = Buffer.from(answer, 'base64');
  const server = new Server({ 'grpc.enable_channelz': 0 });
  server.addService(
    { Lookup: { path: PATH, requestStream: false, responseStream: false, ...codec } },
    { Lookup: (_call: unknown, respond: (error: null, answer: Buffer) => void) => respond(null, bytes) },
  );
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

function entries({ servers, hits }: LookupServerConfig) {
  const keys = createKeys();
  return Array.from({ length: servers }, (_, index) => {
    const name = `S${index}`;
    const record = sealServerRecord({
      name,
      owner: {
        manager: 'mcp2-operator',
        installation: 'bench',
        namespace: 'bench',
        name: `s${index}`,
        uid: `${index}`,
      },
      capabilities: [index < hits ? FILTER : `db:table${index + 8}:read`],
      tags: {},
      version: '',
      visibility: { visibleTo: [], requiredCapabilities: [] },
      cardDigest: '',
      endpoints: [
        { instanceId: `i${index}`, url: '10.0.0.1:1', transport: 'PLAINTEXT', health: 'SERVING', weight: 100 },
      ],
    });
    return { key: keys.server(name), value: encodeServerRecord(record), modRevision: REVISION - index };
  });
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as LookupServerConfig);
