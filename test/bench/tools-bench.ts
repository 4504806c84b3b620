/**
 * RequestContext and InvokeTool: what checking every call costs (P1), how far it is from the limit of grpc-js (P2, P3), the
 * official Model Context Protocol SDK (P5, P6), the proposal's Python (P7) and `pg` beside it.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { loadServices, type Services } from '#protos/load.ts';
import { startPostgres } from '../harness/postgres.ts';
import { type BenchServer, startBenchServer } from './bench-server.ts';
import { openSdkSession, sdkRequest } from './mcp-sdk-target.ts';
import type { BenchOptions } from './options.ts';
import { startReferenceTools } from './reference-server.ts';
import { type Comparison, compare } from './rounds.ts';
import { SERVER_NAME, type ToolsServerConfig } from './tools-server.ts';
import { Target, type TargetOptions } from './tools-target.ts';

const ISSUER = 'mcp2:bench';
const CONTEXT_PATH = '/mcp2.ContextTool/RequestContext';
const TOOL_PATH = '/mcp2.ContextTool/InvokeTool';
const RIGHTS = ['db:inventory:read', 'db:numbers:read', 'tool:*'];
const BINARY_BYTES = 1024 * 1024;
/** Until the compiler has seen a call some ten thousand times. */
const WARM_UP_SECONDS = 2;

type Report = (comparison: Comparison) => void;

/** What all comparisons share. */
interface Setting {
  readonly options: BenchOptions;
  readonly report: Report;
  readonly services: Services;
  readonly token: string;
  readonly start: (config: Pick<ToolsServerConfig, 'variant' | 'answers' | 'databaseUrl'>) => Promise<BenchServer>;
  /** Stopped at the end. */
  readonly running: BenchServer[];
}

export async function runToolsBench(options: BenchOptions, report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-bench-tools-'));
  const running: BenchServer[] = [];
  try {
    const setting = await prepare(folder, { options, report, running });
    const server = await setting.start({ variant: 'served' });
    await besideGrpc(setting, server);
    await besideSdk(setting, server);
    await besideReference(setting, server);
    await besidePg(setting);
  } finally {
    for (const server of running) server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function prepare(folder: string, shared: Pick<Setting, 'options' | 'report' | 'running'>): Promise<Setting> {
  const jwksFile = join(folder, 'jwks.json');
  const { privateJwk, publicJwks } = await generateSigningKey('ES256');
  writeFileSync(jwksFile, JSON.stringify(publicJwks));
  const claims = { iss: ISSUER, sub: 'bench.agent', aud: [SERVER_NAME], capabilities: RIGHTS, ttlSeconds: 3600 };
  const token = await mintToken(await importSigningKey(privateJwk), claims, { clock: systemClock });
  const start: Setting['start'] = async (config) => {
    const server = await startBenchServer('tools-server.ts', { ...config, issuer: ISSUER, jwksFile, token });
    shared.running.push(server);
    return server;
  };
  return { ...shared, services: loadServices(), token, start };
}

interface Call {
  readonly title: string;
  readonly path: string;
  readonly message: Buffer;
  readonly check: TargetOptions['check'];
}

/** P1, P2 and P3. */
async function besideGrpc(setting: Setting, server: BenchServer): Promise<void> {
  const calls: readonly Call[] = [
    readOf(setting, 'RequestContext, static', 'inventory:prod_12345:stock_count'),
    readOf(setting, 'RequestContext, cached', 'inventory:p1:cached'),
    priceOf(setting, 'InvokeTool', setting.token),
  ];
  const unchecked = await setting.start({ variant: 'no-auth' });
  for (const { title, ...call } of calls) {
    const ours = new Target({ ...call, name: 'context-tool', server });
    const answer = (await ours.callOnce()).toString('base64');
    const identity = await setting.start({ variant: 'identity', answers: { [call.path]: answer } });
    const bare = new Target({ ...call, name: 'bare grpc-js, constant answer', server: identity });
    const noAuth = new Target({ ...call, name: 'without authentication', server: unchecked });
    const p1 = `P1: ${title}, beside the same handler without authentication`;
    await measure(setting, { title: p1, target: 'calls/s 0.90, CPU 1.11', inFlight: 64 }, [noAuth, ours]);
    const p2 = `P2: ${title}, beside a constant answer of bare grpc-js`;
    await measure(setting, { title: p2, target: 'calls/s 0.85', inFlight: 64 }, [bare, ours]);
    const p3 = `P3: ${title}, beside a constant answer of bare grpc-js`;
    await measure(setting, { title: p3, target: 'p50 1.15', inFlight: 1 }, [bare, ours]);
    identity.stop();
  }
  unchecked.stop();
}

/** P5 and P6. */
async function besideSdk(setting: Setting, server: BenchServer): Promise<void> {
  const { running } = setting;
  const small = 'x'.repeat(100);
  const large = Buffer.alloc(BINARY_BYTES, 7);
  const targets = { stateless: 'calls/s 8, CPU 0.125', stateful: 'calls/s 4.5, CPU 0.22' };
  const echo = new Target({ ...echoOf(setting, 'echo', Buffer.from(small)), name: 'context-tool', server });
  for (const sessions of ['stateless', 'stateful'] as const) {
    const sdk = await startBenchServer('mcp-sdk-server.ts', { sessions });
    running.push(sdk);
    const headers = await openSdkSession(sdk.address, sessions);
    const theirs = new Target({ ...sdkRequest(small, headers), name: `MCP SDK 1.32, ${sessions}`, server: sdk });
    const title = `P5: InvokeTool of 100 B beside the official SDK, ${sessions}`;
    await measure(setting, { title, target: targets[sessions], inFlight: 64 }, [theirs, echo]);
    if (sessions === 'stateless') {
      const bytes = new Target({ ...echoOf(setting, 'echo_bytes', large), name: 'context-tool', server });
      const body = new Target({ ...sdkRequest(large.toString('base64'), headers), name: 'MCP SDK 1.32', server: sdk });
      const p6 = 'P6: InvokeTool of 1 MiB binary beside the official SDK, stateless';
      await measure(setting, { title: p6, target: 'calls/s 1.8, CPU 0.65', inFlight: 4 }, [body, bytes]);
    }
    sdk.stop();
  }
}

/** P7. */
async function besideReference(setting: Setting, server: BenchServer): Promise<void> {
  const reference = await startReferenceTools();
  setting.running.push(reference.server);
  const pairs = [
    [
      readOf(setting, 'RequestContext', 'inventory:prod_12345:stock_count'),
      readOf({ ...setting, ...reference }, '', 'inventory:prod_12345:stock_count'),
    ],
    [priceOf(setting, 'InvokeTool', setting.token), priceOf(setting, '', reference.token)],
  ] as const;
  for (const [{ title: method, ...ours }, theirs] of pairs) {
    const targets = [
      new Target({ ...theirs, name: 'Python reference', server: reference.server }),
      new Target({ ...ours, name: 'context-tool', server }),
    ];
    const title = `P7: ${method} beside the proposal's Python reference, mended`;
    await measure(setting, { title, target: 'calls/s 7', inFlight: 64 }, targets);
    await measure(setting, { title, target: 'calls/s 1.8', inFlight: 1 }, targets);
  }
  reference.server.stop();
}

/** A context on PostgreSQL beside `pg` alone. */
async function besidePg(setting: Setting): Promise<void> {
  await using database = await startPostgres();
  await database.query('CREATE TABLE stock (sku text PRIMARY KEY, quantity integer NOT NULL)');
  await database.query("INSERT INTO stock SELECT 'p' || n, n FROM generate_series(1, 1000) n");
  const databaseUrl = database.url();
  const start = async (transaction: boolean) => {
    const server = await startBenchServer('pg-server.ts', { databaseUrl, transaction });
    setting.running.push(server);
    return server;
  };
  const call = readOf(setting, '', 'numbers:p7');
  const target = (name: string, server: BenchServer) => new Target({ ...call, name, server });
  const inTransaction = target('pg alone, in a transaction', await start(true));
  const bare = target('pg alone, the bare query', await start(false));
  const ours = target('context-tool', await setting.start({ variant: 'served', databaseUrl }));
  const title = 'A context on PostgreSQL beside pg alone, 8 connections';
  await measure(setting, { title, target: 'calls/s 0.8', inFlight: 64 }, [inTransaction, bare, ours]);
  await measure(setting, { title, target: 'none', inFlight: 1 }, [inTransaction, bare, ours]);
}

function readOf({ services, token }: Pick<Setting, 'services' | 'token'>, title: string, key: string): Call {
  const { requestSerialize, responseDeserialize } = services.ContextTool.RequestContext;
  return {
    title,
    path: CONTEXT_PATH,
    message: requestSerialize({ context_key: key, capability_token: token }),
    check: (answer) => requireText(responseDeserialize(answer).serialized_value, /^\d+$/),
  };
}

function priceOf({ services }: Pick<Setting, 'services'>, title: string, token: string): Call {
  const { requestSerialize, responseDeserialize } = services.ContextTool.InvokeTool;
  const args = { sku: Buffer.from('prod_12345'), stock_count: Buffer.from('42') };
  return {
    title,
    path: TOOL_PATH,
    message: requestSerialize({ tool_name: 'compute_pricing', arguments: args, capability_token: token }),
    check: (answer) => requireText(responseDeserialize(answer).outputs.recommended_price, /^95\.8$/),
  };
}

function echoOf({ services, token }: Setting, tool: string, data: Buffer): Omit<Call, 'title'> {
  const { requestSerialize, responseDeserialize } = services.ContextTool.InvokeTool;
  return {
    path: TOOL_PATH,
    message: requestSerialize({ tool_name: tool, arguments: { data }, capability_token: token }),
    check: (answer) => {
      if (!responseDeserialize(answer).outputs.data?.equals(data)) throw new Error('it says something else');
    },
  };
}

function requireText(bytes: Buffer | undefined, pattern: RegExp): void {
  if (!pattern.test(bytes?.toString() ?? '')) throw new Error(`it is not ${pattern}`);
}

interface Heading {
  readonly title: string;
  readonly target: string;
  readonly inFlight: number;
}

/** The first target is what the others are compared with. */
async function measure(setting: Setting, heading: Heading, targets: readonly Target[]): Promise<void> {
  const { rounds, secondsPerRun, smoke } = setting.options;
  const { inFlight, ...named } = heading;
  // The same programs as with many in flight, which a smoke run has shown to work.
  if (smoke && inFlight === 1) return;
  for (const target of targets) {
    await target.callOnce();
    if (!smoke) await target.run(inFlight, WARM_UP_SECONDS);
  }
  const variants = targets.map((target) => ({ name: target.name, run: () => target.run(inFlight, secondsPerRun) }));
  const comparison = await compare({ ...named, shape: `${inFlight} in flight`, rounds }, variants);
  for (const target of targets) await target.callOnce();
  setting.report(comparison);
}
