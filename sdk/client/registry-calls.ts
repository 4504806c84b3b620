/**
 * Calls of the registry: one connection, and a Lookup that waits for it and is sent again (docs/clients.md). Lookup
 * changes nothing, so it may always be carried out twice.
 */
import { status } from '@grpc/grpc-js';
import type { Method, RpcChannel } from '#lib/grpc/channel.ts';
import { type AttemptDependencies, type RunningCall, recordAttempt, remainingMs, runAttempts } from './attempts.ts';
import { sendWithToken } from './authorized-call.ts';
import { type TokenSource, takeToken } from './token-source.ts';

export interface RegistryCall {
  readonly method: Method;
  readonly request: object;
  /** One attempt that does not wait for a connection: for a person who waits for the answer. */
  readonly failFast: boolean;
}

export interface RegistryCallDependencies extends AttemptDependencies {
  readonly channel: RpcChannel;
  /** host:port. */
  readonly address: string;
  readonly token: TokenSource;
  readonly random: () => number;
}

/** A registry that has just started may take that long to know what it serves: about 0.2, 0.4, 0.8 and 1.6 s. */
const MAX_ATTEMPTS = 5;
const FIRST_PAUSE_MS = 200;
const LAST_PAUSE_MS = 2_000;

/** @throws CallError; the signal's reason */
export function callRegistry(
  { method, request, failFast }: RegistryCall,
  running: RunningCall,
  dependencies: RegistryCallDependencies,
): Promise<unknown> {
  const { clock, channel, address, token, random } = dependencies;
  const run = () =>
    recordAttempt(running, clock, { server: 'RegistryServer', endpoint: address }, async () => {
      const credential = await takeToken(token);
      const settings = {
        deadlineMs: remainingMs(running, clock),
        metadata: running.metadata,
        signal: running.signal,
        waitForReady: !failFast,
      };
      return sendWithToken({ channel, method, request, token: credential }, settings);
    });
  const plan = {
    maxAttempts: failFast ? 1 : MAX_ATTEMPTS,
    pauseMs: (next: number) => Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (next - 2)) * (0.8 + random() * 0.4),
    mayRepeat: ({ code }: { readonly code: status }) => code === status.UNAVAILABLE,
    counts: () => true,
    run,
  };
  return runAttempts(plan, running, dependencies);
}
