/**
 * Lookup: what checking every call costs (P1), how far from the limit of grpc-js it is (P2), and the proposal's Python
 * reference beside it (P7). The targets are in the notes of each table's caller; nothing here gates anything.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { mintToken } from '#lib/token/mint.ts';
import { generateSigningKey, importSigningKey } from '#lib/token/signing-key.ts';
import { loadServices } from '#protos/load.ts';
import { type BenchServer, startBenchServer } from './bench-server.ts';
import { runLoad } from './h2load.ts';
import type { LookupServerConfig } from './lookup-server.ts';
import type { BenchOptions } from './options.ts';
import { startReference } from './reference-server.ts';
import { type Comparison, compare, type Variant } from './rounds.ts';

const PATH = '/mcp2.Discovery/Lookup';
const FILTER = 'db:table7:read';
const ISSUER = 'mcp2:bench';
const SERVERS = 1000;
/** What the filter finds among them. */
const HITS = 2;

interface Target {
  readonly name: string;
  readonly server: BenchServer;
  readonly token: string;
}

export async function runRegistryBench(options: BenchOptions, report: (comparison: Comparison) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-bench-registry-'));
  const running: BenchServer[] = [];
  const keep = <T extends BenchServer>(server: T): T => {
    running.push(server);
    return server;
  };
  try {
    const ours = await startOurs(folder, options, keep);
    report(
      await measure('P1: authenticated Lookup against the same handler without authentication', ours.p1, 64, options),
    );
    report(await measure('P2: authenticated Lookup against a constant answer of bare grpc-js', ours.p2, 64, options));
    const reference = await startReference(SERVERS, options.smoke ? 100 : SERVERS);
    keep(reference.server);
    const beside = [{ name: 'Python reference', ...reference }, ours.registry];
    for (const streams of [64, 1]) {
      const title = "P7: authenticated Lookup against the proposal's Python reference, mended";
      report(await measure(title, beside, streams, options));
    }
  } finally {
    for (const server of running) server.stop();
    rmSync(folder, { recursive: true });
  }
}

async function startOurs(folder: string, options: BenchOptions, keep: (server: BenchServer) => BenchServer) {
  const { privateJwk, publicJwks } = await generateSigningKey('ES256');
  const jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify(publicJwks));
  const request = { iss: ISSUER, sub: 'bench.agent', aud: ['S7', 'S507'], capabilities: ['registry:lookup'] };
  const mint = { ...request, ttlSeconds: 3600 };
  const token = await mintToken(await importSigningKey(privateJwk), mint, { clock: systemClock });
  const config = { issuer: ISSUER, jwksFile, servers: SERVERS, token };
  const start = async (name: string, extra: Pick<LookupServerConfig, 'variant' | 'answer'>): Promise<Target> => {
    const server = keep(await startBenchServer('lookup-server.ts', { ...config, ...extra }));
    return { name, server, token };
  };
  const registry = await start('registry', { variant: 'registry' });
  const answer = await check(registry);
  const unchecked = await start('without authentication', { variant: 'no-auth' });
  const identity = await start('bare grpc-js, constant answer', { variant: 'identity', answer });
  for (const target of [unchecked, identity]) await check(target);
  for (const target of [registry, unchecked, identity]) await warmUp(target, options);
  return { registry, p1: [unchecked, registry], p2: [identity, registry] };
}

async function warmUp(target: Target, { secondsPerRun }: BenchOptions): Promise<void> {
  await runLoad({ ...loadOf(target, 64), seconds: Math.min(2, secondsPerRun) });
}

async function measure(title: string, targets: readonly Target[], streams: number, options: BenchOptions) {
  for (const target of targets) await check(target);
  const variants: readonly Variant[] = targets.map((target) => ({
    name: target.name,
    run: () => runLoad({ ...loadOf(target, streams), seconds: options.secondsPerRun }),
  }));
  return compare({ title, shape: `1 connection x ${streams} streams`, rounds: options.rounds }, variants);
}

function loadOf({ server, token }: Target, streamsPerConnection: number) {
  const { Discovery } = loadServices();
  const message = Discovery.Lookup.requestSerialize({ requester_token: token, capability_filter: [FILTER] });
  return { address: server.address, pid: server.pid, path: PATH, message, connections: 1, streamsPerConnection };
}

/** A call whose answer is looked at. @returns the answer's bytes as base64. @throws Error when it is not what it should be */
async function check({ name, server, token }: Target): Promise<string> {
  const { Discovery } = loadServices();
  const client = createClient(Discovery, server.address, { credentials: plaintextClient() });
  try {
    const answer = await client.call('Lookup', { requester_token: token, capability_filter: [FILTER] });
    if (answer.endpoints.length !== HITS)
      throw new Error(`${name} found ${answer.endpoints.length} endpoints, not ${HITS}`);
    return Discovery.Lookup.responseSerialize(answer).toString('base64');
  } finally {
    client.close();
  }
}
