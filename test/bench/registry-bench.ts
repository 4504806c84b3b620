/**
 * Lookup: what checking every call costs (P1), how far it is from the limit of grpc-js in throughput (P2) and latency
 * (P3), the proposal's Python reference beside it (P7), and whether 100,000 servers make it slower than 100 (scale).
 *
 * The load repeats one request, and the registry keeps what such a request came to. So that this does not hide the rest,
 * "each request anew" carries its token in metadata, where nothing is kept: every call is decoded and searched.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey, importSigningKey, type SigningKey } from '#lib/token/signing-key.ts';
import type { DiscoveryDefinition } from '#protos/generated/mcp2/Discovery.ts';
import { loadServices } from '#protos/load.ts';
import { type BenchServer, startBenchServer } from './bench-server.ts';
import { runLoad } from './h2load.ts';
import type { LookupServerConfig } from './lookup-server.ts';
import { LookupTarget, type LookupTargetOptions } from './lookup-target.ts';
import type { BenchOptions } from './options.ts';
import { startReference } from './reference-server.ts';
import { type Comparison, compare } from './rounds.ts';

const ISSUER = 'mcp2:bench';
const SERVERS = 1000;
const HITS = 2;
const FEW_SERVERS = 100;
const MANY_SERVERS = 100_000;
const SCALE_HITS = 10;

/** Until the compiler has seen a call some ten thousand times. */
const WARM_UP_SECONDS = 2;

type Report = (comparison: Comparison) => void;

/** What all comparisons share. */
interface Setting {
  readonly options: BenchOptions;
  readonly report: Report;
  readonly discovery: DiscoveryDefinition;
  readonly signingKey: SigningKey;
  readonly jwksFile: string;
  /** Stopped at the end. */
  readonly running: BenchServer[];
}

export async function runRegistryBench(options: BenchOptions, report: Report): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-bench-registry-'));
  const jwksFile = join(folder, 'jwks.json');
  const running: BenchServer[] = [];
  try {
    const { privateJwk, publicJwks } = await generateSigningKey('ES256');
    writeFileSync(jwksFile, JSON.stringify(publicJwks));
    const signingKey = await importSigningKey(privateJwk);
    const { Discovery: discovery } = loadServices();
    const setting = { options, report, discovery, signingKey, jwksFile, running };
    const registry = await besideGrpc(setting);
    await besideReference(setting, registry);
    await atScale(setting);
  } finally {
    for (const server of running) server.stop();
    rmSync(folder, { recursive: true });
  }
}

/** P1, P2 and P3. @returns the registry that was measured. */
async function besideGrpc(setting: Setting): Promise<LookupTarget> {
  const size = { servers: SERVERS, hits: HITS };
  const registry = await startLookup(setting, { ...size, variant: 'registry' });
  const known = new LookupTarget({ ...registry, name: 'registry' });
  const anew = new LookupTarget({ ...registry, name: 'registry, each request anew', tokenIn: 'metadata' });
  const answer = (await known.callOnce()).toString('base64');
  const noAuth = await startLookup(setting, { ...size, variant: 'no-auth' });
  const identity = await startLookup(setting, { ...size, variant: 'identity', answer });
  const unchecked = new LookupTarget({ ...noAuth, name: 'without authentication' });
  const bare = new LookupTarget({ ...identity, name: 'bare grpc-js, constant answer' });
  await requireSameAnswers([known, anew, unchecked, bare]);
  const p1 = { title: 'P1: Lookup beside the same handler without authentication', streams: 64 };
  await measure(setting, { ...p1, target: 'calls/s 0.90, CPU 1.11' }, [unchecked, known]);
  const p2 = { title: 'P2: Lookup beside a constant answer of bare grpc-js', streams: 64 };
  await measure(setting, { ...p2, target: 'calls/s 0.85' }, [bare, anew, known]);
  const p3 = { title: 'P3: Lookup beside a constant answer of bare grpc-js', streams: 1 };
  await measure(setting, { ...p3, target: 'p50 1.15' }, [bare, anew, known]);
  return known;
}

/** P7. */
async function besideReference(setting: Setting, registry: LookupTarget): Promise<void> {
  const { options, discovery, running } = setting;
  const started = await startReference(SERVERS, options.smoke ? FEW_SERVERS : SERVERS);
  running.push(started.server);
  const reference = new LookupTarget({ ...started, name: 'Python reference', hits: HITS, discovery });
  const title = "P7: Lookup beside the proposal's Python reference, mended";
  await measure(setting, { title, target: 'calls/s 7', streams: 64 }, [reference, registry]);
  await measure(setting, { title, target: 'calls/s 1.8', streams: 1 }, [reference, registry]);
}

async function atScale(setting: Setting): Promise<void> {
  const targets: LookupTarget[] = [];
  for (const servers of [FEW_SERVERS, setting.options.smoke ? SERVERS : MANY_SERVERS]) {
    const started = await startLookup(setting, { servers, hits: SCALE_HITS, variant: 'registry' });
    targets.push(new LookupTarget({ ...started, name: `${servers} servers`, tokenIn: 'metadata' }));
  }
  await requireSameAnswers(targets);
  const title = 'Scale: Lookup with the same ten hits, each request anew';
  await measure(setting, { title, target: 'calls/s 0.90', streams: 64 }, targets);
}

type Start = Omit<LookupServerConfig, 'issuer' | 'jwksFile' | 'token'>;

async function startLookup(setting: Setting, start: Start): Promise<Omit<LookupTargetOptions, 'name'>> {
  const { jwksFile, signingKey, discovery, running } = setting;
  const aud = Array.from({ length: start.hits }, (_, index) => `S${index}`);
  const claims = { iss: ISSUER, sub: 'bench.agent', aud, capabilities: ['registry:lookup'], ttlSeconds: 3600 };
  const token = await mintToken(signingKey, claims, { clock: systemClock });
  const config: LookupServerConfig = { ...start, issuer: ISSUER, jwksFile, token };
  const server = await startBenchServer('lookup-server.ts', config);
  running.push(server);
  return { server, token, hits: start.hits, discovery };
}

interface Heading {
  readonly title: string;
  readonly target: string;
  readonly streams: number;
}

/** The first target is what the others are compared with. */
async function measure(setting: Setting, heading: Heading, targets: readonly LookupTarget[]): Promise<void> {
  const { rounds, secondsPerRun, smoke } = setting.options;
  const { streams, ...named } = heading;
  for (const target of targets) {
    await target.callOnce();
    if (!smoke) await runLoad(target.load(streams, WARM_UP_SECONDS));
  }
  const variants = targets.map((target) => ({
    name: target.name,
    run: () => runLoad(target.load(streams, secondsPerRun)),
  }));
  setting.report(await compare({ ...named, shape: `1 connection x ${streams} streams`, rounds }, variants));
}

async function requireSameAnswers(targets: readonly LookupTarget[]): Promise<void> {
  const answers = new Set<string>();
  for (const target of targets) answers.add(await target.fingerprint());
  if (answers.size > 1) throw new Error(`${targets.map(({ name }) => name).join(', ')} do not answer the same bytes`);
}
