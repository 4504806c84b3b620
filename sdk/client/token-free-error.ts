/**
 * An error of a call that cannot hold a token: a server may repeat what it was sent, whole or cut, and errors end in logs.
 */
import { CallError } from '#lib/grpc/call-error.ts';

/** A JWT, or its beginning: a JSON object in base64url. */
const JWT = /eyJ[\w-]{10,}(?:\.[\w-]*)*/g;

/** @returns the error as it is, unless the server repeated a token. */
export function withoutToken(error: unknown, token: string): unknown {
  if (!(error instanceof CallError)) return error;
  const { message, code, reason, facts, metadata, reachedServer } = error;
  const trailers = Object.values(metadata.getMap()).map((value) => value.toString('latin1'));
  const said = [message, ...Object.values(facts), ...trailers];
  if (said.every((text) => hide(text, token) === text)) return error;
  // The trailers and the cause say the same once more: they are left out.
  return new CallError(hide(message, token), { code, reason, reachedServer });
}

function hide(text: string, token: string): string {
  const withoutExact = token === '' ? text : text.replaceAll(token, '<token>');
  return withoutExact.replaceAll(JWT, '<token>');
}
