/** Calls of the registry with what a test usually sends, and the registry on every store for files that compare them. */
import { afterAll, beforeAll } from 'vitest';
import type { MintRequest } from '#lib/token/mint-request.ts';
import type { DeregisterRequest } from '#protos/generated/mcp2/DeregisterRequest.ts';
import type { HeartbeatRequest } from '#protos/generated/mcp2/HeartbeatRequest.ts';
import type { HeartbeatResponse__Output } from '#protos/generated/mcp2/HeartbeatResponse.ts';
import type { LookupRequest } from '#protos/generated/mcp2/LookupRequest.ts';
import type { RegisterRequest } from '#protos/generated/mcp2/RegisterRequest.ts';
import {
  createTokens,
  STORE_KINDS,
  startRegistry,
  startStore,
  type TestRegistry,
  type TestStore,
  type TestTokens,
} from './registry-fixture.ts';

export type Claims = Partial<MintRequest>;
export type Metadata = Readonly<Record<string, string>>;

/** "db:inventory:read" at 10.0.0.1:50051 unless the request says otherwise; a token with every right unless it has one. */
export class RegistryCalls {
  readonly registry: TestRegistry;
  readonly tokens: TestTokens;
  /** Of the last registration: whoever looks up after it wants to find it. */
  #written = 0;

  constructor(registry: TestRegistry, tokens: TestTokens) {
    this.registry = registry;
    this.tokens = tokens;
  }

  async register(request: RegisterRequest, metadata: Metadata = {}) {
    const usual = {
      capabilities: ['db:inventory:read'],
      registration_token: await this.tokens.mint(),
      grpc_url: '10.0.0.1:50051',
    };
    const answer = await this.registry.client.call('Register', { ...usual, ...request }, { metadata });
    this.#written = Math.max(this.#written, answer.revision);
    return answer;
  }

  async lookup(request: LookupRequest, metadata: Metadata = {}) {
    const requester_token = await this.tokens.mint();
    const usual = { capability_filter: ['db:inventory:read'], requester_token, min_revision: this.#written };
    return this.registry.client.call('Lookup', { ...usual, ...request }, { metadata });
  }

  async deregister(request: DeregisterRequest) {
    const registration_token = await this.tokens.mint();
    return this.registry.client.call('Deregister', { registration_token, ...request });
  }

  /** One stream with these messages. */
  async beat(...requests: readonly HeartbeatRequest[]): Promise<HeartbeatResponse__Output[]> {
    const registration_token = await this.tokens.mint();
    const messages = requests.map((request) => ({ registration_token, ...request }));
    const answers = [];
    for await (const answer of this.registry.client.bidiStream('Heartbeat', asStream(messages))) answers.push(answer);
    return answers;
  }

  /** Addresses of a server's endpoints that can be found now, sorted. */
  async urlsOf(server_name: string, min_revision = this.#written): Promise<string[]> {
    const { endpoints } = await this.lookup({ server_name, min_revision });
    return endpoints.map(({ grpc_url }) => grpc_url).sort();
  }
}

export interface OnStore extends RegistryCalls {
  readonly store: TestStore;
}

/** Starts the registry on each store before the tests of the calling file. @returns the one on a store. */
export function useRegistries(env: Readonly<Record<string, string>> = {}): (kind: TestStore['kind']) => OnStore {
  const running = new Map<string, OnStore>();
  beforeAll(async () => {
    const tokens = await createTokens();
    for (const kind of STORE_KINDS) {
      const store = await startStore(kind);
      const registry = await startRegistry({ store: store.store, tokens, env });
      await registry.running.ready;
      running.set(kind, Object.assign(new RegistryCalls(registry, tokens), { store }));
    }
  });
  afterAll(async () => {
    for (const { registry, store } of running.values()) {
      await registry[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    }
  });
  return (kind) => {
    const found = running.get(kind);
    if (found === undefined) throw new Error(`the registry on ${kind} did not start`);
    return found;
  };
}

async function* asStream<T>(messages: readonly T[]): AsyncGenerator<T, void> {
  yield* messages;
}
