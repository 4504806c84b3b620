/**
 * One server process of the context-tool's benchmark; its one argument is a ToolsServerConfig as JSON. Prints
 * "listening on PORT".
 *
 * The variants differ in one thing each: `served` is the product with metrics and the audit of denials; `no-auth` is the same
 * for whom every caller is verified already; `identity` is grpc-js alone, handing out the same bytes.
 */
import { randomBytes } from 'node:crypto';
import { Server, ServerCredentials, type ServiceDefinition, type UntypedServiceImplementation } from '@grpc/grpc-js';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '#lib/clock.ts';
import { plaintextServer } from '#lib/grpc/credentials.ts';
import { createServer } from '#lib/grpc/serve.ts';
import {
  type Authenticate,
  createAuthenticate,
  createReauthenticate,
  type Reauthenticate,
} from '#lib/middleware/authenticate.ts';
import { createGuards } from '#lib/middleware/guard.ts';
import { createDenialAudit } from '#lib/service/denial-audit.ts';
import { createKeyFileSource } from '#lib/token/key-file.ts';
import { noRevocations } from '#lib/token/revocations.ts';
import type { VerifiedToken } from '#lib/token/verified-token.ts';
import { createTokenVerifier } from '#lib/token/verify.ts';
import { loadServices } from '#protos/load.ts';
import { createContextToolService } from '#sdk/server/context-tool-service.ts';
import type { ContextDeclaration, ToolDeclaration } from '#sdk/server/declaration.ts';
import { createOffer } from '#sdk/server/offer.ts';
import { createNumbersContext } from './tools-database.ts';

export interface ToolsServerConfig {
  readonly variant: 'served' | 'no-auth' | 'identity';
  readonly issuer: string;
  readonly jwksFile: string;
  /** The token that `no-auth` takes every caller for. */
  readonly token: string;
  /** Of PostgreSQL; with it the context `numbers:{n}` reads there. */
  readonly databaseUrl?: string;
  /** Base64 of what `identity` answers, by path. */
  readonly answers?: Readonly<Record<string, string>>;
}

export const SERVER_NAME = 'InventoryDB_Primary';
const CACHE_MS = 3_600_000;

async function main(config: ToolsServerConfig): Promise<void> {
  const port = config.variant === 'identity' ? await serveIdentity(config) : await serveTools(config);
  console.log(`listening on ${port}`);
}

async function serveTools({ variant, issuer, jwksFile, token, databaseUrl }: ToolsServerConfig): Promise<number> {
  const protos = loadServices();
  const metrics = new Registry();
  const keys = createKeyFileSource({ path: jwksFile, clock: systemClock });
  const verifier = createTokenVerifier({ issuers: [{ iss: issuer, keys }], clock: systemClock });
  const known = await verifier.verify(token);
  const authenticate: Authenticate = variant === 'no-auth' ? takeFor(known) : createAuthenticate(verifier);
  const reauthenticate: Reauthenticate = variant === 'no-auth' ? takeAgainFor(known) : createReauthenticate(verifier);
  const numbers = databaseUrl === undefined ? [] : [createNumbersContext(databaseUrl)];
  const result = createOffer({
    name: SERVER_NAME,
    version: '1.0.0',
    contexts: [...CONTEXTS, ...numbers],
    tools: TOOLS,
  });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const service = createContextToolService(result.offer, { protos, clock: systemClock, metrics, randomBytes });
  const log = pino({ level: 'silent' });
  const server = createServer({
    ...service.serve({ reauthenticate }),
    guards: createGuards({ serverName: SERVER_NAME, authenticate, revocations: noRevocations }),
    credentials: plaintextServer(),
    clock: systemClock,
    log,
    metrics,
    onCallEnd: createDenialAudit({ clock: systemClock, log, metrics }),
  });
  return server.listen('127.0.0.1:0');
}

/** What the proposal's reference answers, and what the official SDK's server does. */
const CONTEXTS: readonly ContextDeclaration[] = [
  { key: 'inventory:prod_12345:stock_count', read: constant('42') },
  { key: 'inventory:{sku}:cached', cache: { ttlMs: CACHE_MS, scope: 'Private' }, read: async () => constant('42')() },
];

const TOOLS: readonly ToolDeclaration[] = [
  {
    name: 'compute_pricing',
    input: {
      type: 'object',
      properties: { sku: { type: 'string' }, stock_count: { type: 'integer', minimum: 0 } },
      required: ['sku', 'stock_count'],
      additionalProperties: false,
    },
    annotations: { readOnly: true, idempotent: true },
    idempotency: 'instance',
    run: ({ stock_count: stock }) => ({
      success: true,
      outputs: { recommended_price: Buffer.from(String(100 - 0.1 * Number(stock))) },
    }),
  },
  {
    name: 'echo',
    input: { type: 'object', properties: { data: { type: 'string' } }, required: ['data'] },
    idempotency: 'instance',
    run: ({ data }) => ({ success: true, outputs: { data: Buffer.from(String(data)) } }),
  },
  {
    name: 'echo_bytes',
    input: {
      type: 'object',
      properties: { data: { type: 'string', contentEncoding: 'base64' } },
      required: ['data'],
    },
    idempotency: 'instance',
    run: ({ data }) => ({ success: true, outputs: { data: Buffer.from(String(data), 'base64') } }),
  },
];

function constant(text: string) {
  const answer = { content: Buffer.from(text), contentType: 'application/json' };
  return () => answer;
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
function serveIdentity({ answers = {} }: ToolsServerConfig): Promise<number> {
  const same = (bytes: Buffer) => bytes;
  const codec = {
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
  const definition: Record<string, ServiceDefinition[string]> = {};
  const handlers: UntypedServiceImplementation = {};
  for (const [path, answer] of Object.entries(answers)) {
    const bytes = Buffer.from(answer, 'base64');
    definition[path] = { path, requestStream: false, responseStream: false, ...codec };
    handlers[path] = (_call: unknown, respond: (error: null, answer: Buffer) => void) => respond(null, bytes);
  }
  const server = new Server({ 'grpc.enable_channelz': 0 });
  server.addService(definition, handlers);
  return new Promise((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error ? reject(error) : resolve(port),
    );
  });
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as ToolsServerConfig);
