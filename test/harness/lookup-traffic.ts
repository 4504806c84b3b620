/** Lookups against a running `mcp2 up`, one after the other, each counted. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '#lib/clock.ts';
import { createClient } from '#lib/grpc/client.ts';
import { plaintextClient } from '#lib/grpc/credentials.ts';
import { mintToken } from '#lib/token/mint.ts';
import { importSigningKey } from '#lib/token/signing-key.ts';
import { loadServices } from '#protos/load.ts';
import type { Standalone } from './mcp2-command.ts';

export interface TrafficReport {
  readonly calls: number;
  readonly failures: readonly string[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly longestMs: number;
}

export interface Traffic {
  stop(): Promise<TrafficReport>;
}

export interface TrafficOptions {
  /** Between two calls. Default 20. */
  readonly pauseMs?: number;
  /** What each answer must hold. */
  readonly serverName: string;
}

/** A lookup that takes longer than 5 s, or answers nothing, is a failure. */
export async function startTraffic(up: Standalone, options: TrafficOptions): Promise<Traffic> {
  const { pauseMs = 20, serverName } = options;
  const key = await importSigningKey(JSON.parse(readFileSync(join(up.state, 'key.jwk'), 'utf8')));
  const claims = { iss: 'mcp2:local', sub: 'default.test', aud: [serverName], capabilities: ['registry:lookup'] };
  const requester_token = await mintToken(key, { ...claims, ttlSeconds: 3600 }, { clock: systemClock });
  const target = `127.0.0.1:${up.port}`;
  const client = createClient(loadServices().Discovery, target, { credentials: plaintextClient(), deadlineMs: 5_000 });
  const ended = new AbortController();
  const failures: string[] = [];
  const times: number[] = [];
  const running = (async () => {
    while (!ended.signal.aborted) {
      const startMs = performance.now();
      try {
        const answer = await client.call('Lookup', { requester_token, capability_filter: ['db:inventory:read'] });
        if (answer.endpoints.length === 0) failures.push('no endpoint');
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
      times.push(performance.now() - startMs);
      await sleep(pauseMs);
    }
  })();
  return {
    async stop() {
      ended.abort();
      await running;
      client.close();
      times.sort((a, b) => a - b);
      const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;
      return { calls: times.length, failures, p50Ms: at(0.5), p99Ms: at(0.99), longestMs: at(1) };
    },
  };
}
