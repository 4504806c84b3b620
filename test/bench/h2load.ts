/**
 * Native gRPC load by h2load: closed loop, a fixed number of connections and streams. The shape is part of every
 * figure, because it moves results by a factor of three.
 *
 * h2load does not look at `grpc-status`, so every variant is also called by a checking client before it is measured.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Load {
  /** host:port */
  readonly address: string;
  /** For example "/mcp2.Discovery/Lookup". */
  readonly path: string;
  /** The encoded request message; the body of a POST without gRPC. */
  readonly message: Buffer;
  /** Request metadata, or headers, besides what gRPC itself sends. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Default "grpc". */
  readonly protocol?: 'grpc' | 'http/1.1';
  readonly connections: number;
  readonly streamsPerConnection: number;
  readonly seconds: number;
  /** Of the server, whose CPU time is counted. */
  readonly pid: number;
}

export interface Sample {
  readonly callsPerSecond: number;
  /** NaN where only a rate is measured, as of deliveries. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the server a call; NaN where several take part. */
  readonly cpuMicroseconds: number;
}

/** @throws Error when h2load is missing, or when not every answer was HTTP 200. */
export async function runLoad(load: Load): Promise<Sample> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp2-bench-'));
  try {
    const body = join(folder, 'body');
    const log = join(folder, 'log');
    writeFileSync(body, load.protocol === 'http/1.1' ? load.message : grpcFrame(load.message));
    const before = cpuMicroseconds(load.pid);
    await h2load(argumentsOf(load, body, log));
    return summarize(readFileSync(log, 'latin1'), load.seconds, cpuMicroseconds(load.pid) - before);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function argumentsOf(load: Load, body: string, log: string): string[] {
  const { address, path, metadata, connections, streamsPerConnection, seconds } = load;
  const shape = ['-t', '1', '-c', String(connections), '-m', String(streamsPerConnection), '-D', String(seconds)];
  const isGrpc = load.protocol !== 'http/1.1';
  const headers = { ...(isGrpc ? { 'content-type': 'application/grpc', te: 'trailers' } : {}), ...metadata };
  const headerArguments = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  return [
    ...shape,
    ...(isGrpc ? [] : ['--h1']),
    ...headerArguments,
    '-d',
    body,
    `--log-file=${log}`,
    `http://${address}${path}`,
  ];
}

async function h2load(args: readonly string[]): Promise<void> {
  const child = spawn('h2load', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const hint = 'h2load is missing; install it: apt-get install nghttp2-client, or brew install nghttp2';
  const [code, stderr] = await Promise.race([
    Promise.all([ended, text(child.stderr), text(child.stdout)]),
    failed,
  ]).catch((cause: unknown) => Promise.reject(new Error(hint, { cause })));
  if (code !== 0) throw new Error(`h2load ended with ${code}: ${stderr}`);
}

/** The log has a line a call: start in microseconds, HTTP status, microseconds taken. */
function summarize(log: string, seconds: number, cpu: number): Sample {
  const calls = log.split('\n').flatMap((line) => (line === '' ? [] : [line.split('\t')]));
  const bad = calls.filter(([, status]) => status !== '200').length;
  if (calls.length === 0 || bad > 0) throw new Error(`${bad} of ${calls.length} calls were not answered with HTTP 200`);
  const tookMs = Float64Array.from(calls, ([, , took]) => Number(took) / 1000).sort();
  return {
    callsPerSecond: calls.length / seconds,
    p50Ms: tookMs[Math.floor(tookMs.length * 0.5)] ?? 0,
    p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0,
    cpuMicroseconds: cpu / calls.length,
  };
}

/** User and system time from /proc, in ticks of 10 ms (proc(5)). */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** gRPC's message frame: no compression, length, message (gRPC over HTTP2, "Length-Prefixed-Message"). */
function grpcFrame(message: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}
