/**
 * gRPC servers that do not behave as a server of ours does: one that answers GetCard to anybody, one of the reference
 * proto that has no GetCard, one that answers with whatever a test likes.
 */
import { ServerCredentials } from '@grpc/grpc-js';
import { implement, type ServiceEntry } from '#lib/grpc/method.ts';
import { unary } from '#lib/grpc/unary.ts';
import { startGrpcServer } from './grpc-server.ts';
import type { Fixture, TestServer } from './operator-fixture.ts';

/** The text of the card that it answers with; undefined = it has no GetCard. */
export type OddCard = string | undefined;

export interface OddServerOptions {
  readonly fixture: Fixture;
  /** An address of 192.0.2.0/24. */
  readonly address: string;
  /** In its certificate. */
  readonly dnsName: string;
  readonly card: OddCard;
}

export function cardText(name: string, capabilities: readonly string[]): string {
  return JSON.stringify({ name, version: '0.0.1', protocol: 'mcp2/1', services: ['ServiceInfo'], capabilities });
}

/** It looks at no token. */
export async function startOddServer({ fixture, address, dnsName, card }: OddServerOptions): Promise<TestServer> {
  const { certificate, key } = await fixture.authority.issue({ commonName: dnsName, names: [`DNS:${dnsName}`] });
  const pair = { private_key: Buffer.from(key), cert_chain: Buffer.from(certificate) };
  const credentials = ServerCredentials.createSsl(null, [pair]);
  const server = await startGrpcServer(servicesOf(fixture, card), { credentials });
  const url = `${address}:55051`;
  fixture.routes.set(url, server.port);
  const stop = async () => {
    fixture.routes.delete(url);
    await server[Symbol.asyncDispose]();
  };
  return { address, url, stop, [Symbol.asyncDispose]: stop };
}

function servicesOf({ services }: Fixture, card: OddCard): readonly ServiceEntry[] {
  if (card !== undefined) {
    const answer = { card: { card_json: Buffer.from(card), jws: '' } };
    return [implement(services.ServiceInfo, { GetCard: unary(() => answer) })];
  }
  return [implement(services.ContextTool, { RequestContext: unary(() => ({ serialized_value: Buffer.alloc(0) })) })];
}
