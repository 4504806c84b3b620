/**
 * Where a command connects to: the address that was named, that of the environment, or the one that a running `mcp2 up`
 * left in the state folder; and the sentence for a call that did not work there.
 *
 * A token is a bearer credential: it is not sent in the clear to another machine unless that is asked for in so many
 * words.
 */
import { status } from '@grpc/grpc-js';
import { connectionProblem } from '#lib/config/connection-file.ts';
import type { Environment } from '#lib/config/env-reader.ts';
import { nonEmpty } from '#lib/config/non-empty.ts';
import type { StateFolder } from '#lib/config/state-folder.ts';
import { CallError } from '#lib/grpc/call-error.ts';
import { parseHostPort } from '#lib/net/listen-address.ts';
import { isLoopback } from '#lib/net/loopback.ts';
import { onOneLine } from '#lib/printable.ts';
import { CommandFailed, usageError } from './failure.ts';

export interface ConnectionOptions {
  readonly address?: string | undefined;
  /** PEM file: who signs the certificate of what is connected to. */
  readonly ca?: string | undefined;
  /** The name that its certificate is for, where the address is another one. */
  readonly tlsServerName?: string | undefined;
  readonly plaintext?: boolean | undefined;
}

/** What can be connected to. */
export interface KnownService {
  /** As people call it: "registry". */
  readonly name: string;
  /** Of the environment: host:port. */
  readonly variable: string;
  /** For the sentence about a wrong address. */
  readonly port: number;
  /** In the file that "mcp2 up" leaves. */
  readonly remembered: (connectionFile: string) => string | undefined;
}

export interface Target {
  readonly address: string;
  /** True when the address was not named by anybody but is that of the last `mcp2 up`. */
  readonly isRemembered: boolean;
  /** PEM file; undefined = plaintext. */
  readonly ca: string | undefined;
}

/** @throws CommandFailed */
export function chooseTarget(
  service: KnownService,
  options: ConnectionOptions,
  state: StateFolder,
  env: Environment,
): Target {
  const { plaintext = false, tlsServerName } = options;
  const address = options.address ?? nonEmpty(env[service.variable]);
  const isRemembered = address === undefined;
  // The CA of the environment is that of a service that was named; "mcp2 up" has none.
  const ca = options.ca ?? (plaintext || isRemembered ? undefined : nonEmpty(env.MCP2_CA_FILE));
  if (tlsServerName !== undefined && ca === undefined) {
    throw usageError('--tls-server-name is checked against a certificate: name the CA with --ca FILE as well');
  }
  if (isRemembered) return { address: rememberedAddress(service, state), isRemembered, ca };
  const source = options.address === undefined ? service.variable : '--address';
  if (parseHostPort(address) === undefined) {
    throw usageError(`${source} must be host:port, for example 127.0.0.1:${service.port}`);
  }
  if (ca === undefined && !plaintext && !isLoopback(address)) {
    throw usageError(
      `${address} is another machine, and the token would travel in the clear: name the CA of the ${service.name} with --ca FILE or MCP2_CA_FILE, or add --plaintext`,
    );
  }
  return { address, isRemembered, ca };
}

function rememberedAddress({ name, variable, remembered }: KnownService, state: StateFolder): string {
  const known = remembered(state.connection);
  if (known !== undefined) return known;
  const damage = connectionProblem(state.connection);
  if (damage !== undefined) throw new CommandFailed(damage);
  throw new CommandFailed(
    `no ${name} runs here: start one with "npm start" (mcp2 up), or name one with --address or ${variable}`,
  );
}

export interface FailedTarget extends Pick<Target, 'address' | 'isRemembered'> {
  readonly isTls: boolean;
}

/** What a command waits for an answer that comes from memory. */
export const DEADLINE_MS = 10_000;

/** The sentence for a call that failed; what the server said is for people already. */
export function explainCallOf(
  { name }: Pick<KnownService, 'name'>,
  error: unknown,
  { address, isRemembered, isTls }: FailedTarget,
  deadlineMs = DEADLINE_MS,
): unknown {
  if (!(error instanceof CallError)) return error;
  const said = saidBy(error);
  const failed = (message: string) => new CommandFailed(message, { cause: error });
  if (error.code === status.UNAVAILABLE && error.reason === undefined) {
    const advice = isRemembered
      ? `where "mcp2 up" ran last: start it again, or name another ${name} with --address`
      : isTls
        ? `check the address, and that its certificate is of this CA and for this name (--tls-server-name); ${said}`
        : 'check the address, that it runs, and whether it speaks TLS (--ca FILE)';
    return failed(`no ${name} answers at ${address}${isRemembered ? ',' : ':'} ${advice}`);
  }
  if (error.reason === 'UNIMPLEMENTED') return failed(`${address} answers gRPC, but is no ${name}`);
  if (error.reason === 'DEADLINE_EXCEEDED') {
    return failed(`the ${name} at ${address} gave no answer within ${deadlineMs / 1000} s`);
  }
  return failed(error.reason === undefined ? said : `${said} (${error.reason})`);
}

/** What the server said, without the name of the method. */
export function saidBy(error: CallError): string {
  const details = error.cause instanceof Error && 'details' in error.cause ? error.cause.details : error.message;
  return onOneLine(String(details));
}
