/**
 * A client in a pod: looks a server up over TLS and calls each endpoint that it was told, with the certificate name
 * that it was told; prints what happened as JSON. Mounted below /app of the product's image.
 *
 * Arguments: registry host:port, capability, and optionally the certificate name to insist on instead.
 */
import { readFileSync } from 'node:fs';
import { ChannelCredentials, status } from '@grpc/grpc-js';
import { CallError } from '#lib/grpc/call-error.ts';
import { createClient } from '#lib/grpc/client.ts';
import type { EndpointDescriptor__Output } from '#protos/generated/mcp2/EndpointDescriptor.ts';
import { loadServices } from '#protos/load.ts';

const DEADLINE_MS = 10_000;

export interface ClientReport {
  readonly calls: readonly {
    readonly server: string;
    readonly endpoint: string;
    /** What the registry said the certificate must carry. */
    readonly certificateName: string;
    /** "OK", or the name of gRPC's code. */
    readonly outcome: string;
    readonly answer: string;
  }[];
}

async function main([registry = '', capability = '', insistedName]: readonly string[]): Promise<ClientReport> {
  const { Discovery } = loadServices();
  const token = readFileSync('/etc/token/token', 'utf8').trim();
  const credentials = ChannelCredentials.createSsl(readFileSync('/etc/mcp2/trust/ca.crt'));
  const discovery = createClient(Discovery, registry, {
    credentials,
    deadlineMs: DEADLINE_MS,
    idempotent: ['Lookup'],
  });
  const { endpoints } = await discovery.call('Lookup', { requester_token: token, capability_filter: [capability] });
  discovery.close();
  const calls = endpoints.map((endpoint) => call(endpoint, token, insistedName ?? endpoint.tls_server_name));
  return { calls: await Promise.all(calls) };
}

async function call(
  { server_name, grpc_url, tls_server_name }: EndpointDescriptor__Output,
  token: string,
  certificateName: string,
): Promise<ClientReport['calls'][number]> {
  const { ContextTool } = loadServices();
  const server = createClient(ContextTool, grpc_url, {
    credentials: ChannelCredentials.createSsl(readFileSync('/etc/server-ca/ca.crt')),
    // The address is a pod's, which no certificate carries.
    channel: { 'grpc.ssl_target_name_override': certificateName },
  });
  const request = {
    capability_token: token,
    context_key: 'inventory:prod_12345:stock_count',
    parameters: { filter: Buffer.from("warehouse='NY'") },
  };
  const told = { server: server_name, endpoint: grpc_url, certificateName: tls_server_name };
  try {
    const { serialized_value } = await server.call('RequestContext', request, { deadlineMs: DEADLINE_MS });
    return { ...told, outcome: 'OK', answer: serialized_value.toString() };
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return { ...told, outcome: status[error.code] ?? String(error.code), answer: error.message };
  } finally {
    server.close();
  }
}

if (import.meta.main) process.stdout.write(JSON.stringify(await main(process.argv.slice(2))));
