/** One call of a server, as the benchmarks load it and as a client that looks at the answer makes it. */
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { BenchServer } from './bench-server.ts';
import { type Load, runLoad, type Sample } from './h2load.ts';

export interface TargetOptions {
  readonly name: string;
  readonly server: BenchServer;
  /** "/mcp2.ContextTool/InvokeTool", or "/mcp". */
  readonly path: string;
  /** The encoded request. */
  readonly message: Buffer;
  readonly protocol?: 'grpc' | 'http/1.1';
  readonly headers?: Readonly<Record<string, string>>;
  /** @throws Error when the answer is not what it should be */
  readonly check: (answer: Buffer) => void;
}

const TIMEOUT_MS = 10_000;

export class Target {
  readonly name: string;
  readonly #options: TargetOptions;

  constructor(options: TargetOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** @param inFlight Streams of one connection; connections without gRPC, which HTTP/1.1 needs. */
  run(inFlight: number, seconds: number): Promise<Sample> {
    const { server, path, message, protocol = 'grpc', headers = {} } = this.#options;
    const { address, pid } = server;
    const isGrpc = protocol === 'grpc';
    const shape = { connections: isGrpc ? 1 : inFlight, streamsPerConnection: isGrpc ? inFlight : 1 };
    const load: Load = { address, pid, path, message, protocol, metadata: headers, ...shape, seconds };
    return runLoad(load);
  }

  /** @returns the bytes of the answer. @throws Error when it is not what it should be */
  async callOnce(): Promise<Buffer> {
    const { protocol, check, name } = this.#options;
    const answer = protocol === 'http/1.1' ? await this.#post() : await this.#call();
    try {
      check(answer);
    } catch (cause) {
      throw new Error(`${name} does not answer what it should: ${answer.toString('latin1', 0, 200)}`, { cause });
    }
    return answer;
  }

  async #post(): Promise<Buffer> {
    const { server, path, message, headers } = this.#options;
    const url = `http://${server.address}${path}`;
    const answer = await fetch(url, { method: 'POST', body: new Uint8Array(message), ...(headers ? { headers } : {}) });
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`);
    return Buffer.from(await answer.arrayBuffer());
  }

  async #call(): Promise<Buffer> {
    const { server, path, message } = this.#options;
    const client = new Client(server.address, credentials.createInsecure());
    const same = (bytes: Buffer) => bytes;
    const call = { deadline: Date.now() + TIMEOUT_MS };
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        client.makeUnaryRequest(path, same, same, message, new Metadata(), call, (error, bytes) => {
          if (bytes === undefined) reject(error);
          else resolve(bytes);
        });
      });
    } finally {
      client.close();
    }
  }
}
