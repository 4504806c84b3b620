/** A server that answers Lookup, as the benchmarks load it and as a client that looks at the answer calls it. */
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { DiscoveryDefinition } from '#protos/generated/mcp2/Discovery.ts';
import type { BenchServer } from './bench-server.ts';
import type { Load } from './h2load.ts';
import { FILTER, PATH } from './lookup-server.ts';

export interface LookupTargetOptions {
  readonly name: string;
  readonly server: BenchServer;
  readonly token: string;
  /**
   * The registry keeps what a request that carries its token came to; one with the token in metadata is decoded and
   * searched each time. Default: request.
   */
  readonly tokenIn?: 'request' | 'metadata';
  /** How many endpoints it must find. */
  readonly hits: number;
  readonly discovery: DiscoveryDefinition;
}

const TIMEOUT_MS = 10_000;

export class LookupTarget {
  readonly name: string;
  readonly #options: LookupTargetOptions;
  readonly #message: Buffer;
  readonly #metadata: Readonly<Record<string, string>>;

  constructor(options: LookupTargetOptions) {
    const { name, token, tokenIn = 'request', discovery } = options;
    const isInRequest = tokenIn === 'request';
    const request = { requester_token: isInRequest ? token : '', capability_filter: [FILTER] };
    this.name = name;
    this.#options = options;
    this.#message = discovery.Lookup.requestSerialize(request);
    this.#metadata = isInRequest ? {} : { authorization: `Bearer ${token}` };
  }

  load(streamsPerConnection: number, seconds: number): Load {
    const { address, pid } = this.#options.server;
    const request = { path: PATH, message: this.#message, metadata: this.#metadata };
    return { address, pid, ...request, connections: 1, streamsPerConnection, seconds };
  }

  /** @returns the bytes of the answer. @throws Error when it is not what it should be */
  async callOnce(): Promise<Buffer> {
    const { name, hits, discovery } = this.#options;
    const bytes = await this.#call();
    const { endpoints } = discovery.Lookup.responseDeserialize(bytes);
    if (endpoints.length === hits) return bytes;
    throw new Error(`${name} found ${endpoints.length} endpoints, not ${hits}`);
  }

  /** Equal for equal answers: the endpoints sorted, for their order is drawn anew for each call, and the length. */
  async fingerprint(): Promise<string> {
    const bytes = await this.callOnce();
    const { endpoints, ...rest } = this.#options.discovery.Lookup.responseDeserialize(bytes);
    const sorted = endpoints.toSorted((a, b) => (a.instance_id < b.instance_id ? -1 : 1));
    return JSON.stringify({ ...rest, endpoints: sorted, bytes: bytes.length });
  }

  async #call(): Promise<Buffer> {
    const client = new Client(this.#options.server.address, credentials.createInsecure());
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(this.#metadata)) metadata.set(key, value);
    const same = (bytes: Buffer) => bytes;
    const call = { deadline: Date.now() + TIMEOUT_MS };
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(PATH, same, same, this.#message, metadata, call, (error, bytes) => {
          if (bytes === undefined) reject(error);
          else resolve(bytes);
        });
      });
    } finally {
      client.close();
    }
  }
}
