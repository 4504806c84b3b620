/**
 * Calls a server as the proposal's own client does: test/interop/client.py on the stubs of the reference proto, in a
 * process of its own for each call. It sends no field that the reference does not have.
 */

import { join } from 'node:path';
import { runCommand } from '../cluster/run-command.ts';
import { ensurePython } from './python.ts';

export interface ReferenceTarget {
  /** host:port */
  readonly address: string;
  /** JWT; handed over in the environment, never on a command line. */
  readonly token: string;
  /** File with the certificates to trust. Default: plain text. */
  readonly caFile?: string;
  /** Name to expect in the server's certificate. Default: the host of `address`. */
  readonly tlsServerName?: string;
}

export interface RegisterArguments {
  readonly serverName: string;
  readonly capabilities: readonly string[];
  /** Sent as metadata `grpc-url`. Default: not sent. */
  readonly grpcUrl?: string;
  /** Where the token goes. Default "field". */
  readonly tokenIn?: 'field' | 'metadata';
}

export interface ReferenceAnswer<Response> {
  /** Name of the status code, for example "PERMISSION_DENIED". */
  readonly code: string;
  /** The status message. */
  readonly details: string;
  /** The trailer grpc-status-details-bin, an encoded google.rpc.Status; empty when the server sent none. */
  readonly statusDetails: Buffer;
  /** Undefined when the call was refused. */
  readonly response: Response | undefined;
}

export interface ReferenceEndpoint {
  readonly server_name: string;
  readonly grpc_url: string;
  readonly capabilities: readonly string[];
}

export function registerAsReference(
  target: ReferenceTarget,
  { serverName, capabilities, grpcUrl, tokenIn = 'field' }: RegisterArguments,
): Promise<ReferenceAnswer<{ readonly success: boolean; readonly message: string }>> {
  return call(target, 'register', [
    `--server-name=${serverName}`,
    ...capabilities.map((capability) => `--capability=${capability}`),
    ...(grpcUrl === undefined ? [] : [`--grpc-url=${grpcUrl}`]),
    `--token-in=${tokenIn}`,
  ]);
}

export function lookupAsReference(
  target: ReferenceTarget,
  filter: readonly string[],
): Promise<ReferenceAnswer<{ readonly endpoints: readonly ReferenceEndpoint[] }>> {
  return call(
    target,
    'lookup',
    filter.map((capability) => `--capability=${capability}`),
  );
}

export function requestContextAsReference(
  target: ReferenceTarget,
  key: string,
  parameters: Readonly<Record<string, string>>,
): Promise<ReferenceAnswer<{ readonly serialized_value: string; readonly metadata: readonly string[] }>> {
  const sent = Object.entries(parameters).map(([name, value]) => `--parameter=${name}=${value}`);
  return call(target, 'context', [`--key=${key}`, ...sent]);
}

export interface ReferenceToolResponse {
  readonly success: boolean;
  /** In base64. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

export function invokeToolAsReference(
  target: ReferenceTarget,
  name: string,
  args: Readonly<Record<string, string>>,
): Promise<ReferenceAnswer<ReferenceToolResponse>> {
  const sent = Object.entries(args).map(([argument, value]) => `--argument=${argument}=${value}`);
  return call(target, 'tool', [`--name=${name}`, ...sent]);
}

export function publishAsReference(
  target: ReferenceTarget,
  topic: string,
  payload: string,
): Promise<ReferenceAnswer<{ readonly success: boolean; readonly message: string }>> {
  return call(target, 'publish', [`--topic=${topic}`, `--payload=${payload}`]);
}

export interface ReferenceEnvelope {
  readonly topic: string;
  /** In base64. */
  readonly payload: string;
  readonly sequence_id: number;
}

/** Ends when that many have come; refused also when they do not come within 10 s. */
export function subscribeAsReference(
  target: ReferenceTarget,
  topicFilter: string,
  count: number,
): Promise<ReferenceAnswer<{ readonly events: readonly ReferenceEnvelope[] }>> {
  return call(target, 'subscribe', [`--topic-filter=${topicFilter}`, `--count=${count}`]);
}

async function call<Response>(
  { address, token, caFile, tlsServerName }: ReferenceTarget,
  command: string,
  args: readonly string[],
): Promise<ReferenceAnswer<Response>> {
  const python = await ensurePython();
  const script = join(import.meta.dirname, '../interop/client.py');
  const transport = [
    `--address=${address}`,
    ...(caFile === undefined ? [] : [`--ca=${caFile}`]),
    ...(tlsServerName === undefined ? [] : [`--tls-server-name=${tlsServerName}`]),
  ];
  const env = { ...process.env, PYTHONPATH: python.stubs, PYTHONDONTWRITEBYTECODE: '1', MCP2_TOKEN: token };
  const line = await runCommand(python.command, [script, ...transport, command, ...args], { env });
  const answer = JSON.parse(line) as { code: string; details: string; status_details: string; response: Response };
  return {
    code: answer.code,
    details: answer.details,
    statusDetails: Buffer.from(answer.status_details, 'base64'),
    response: answer.response ?? undefined,
  };
}
