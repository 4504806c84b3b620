import { expect, test } from 'vitest';
import { compose } from '#lib/grpc/handler.ts';
import type { ClientCall, Middleware } from './middleware.ts';

const METHOD = { name: 'Discovery.Lookup', requestStream: false, responseStream: false };
const CALL = { attempts: [], metadata: {}, deadlineMs: 1, signal: new AbortController().signal } satisfies ClientCall;

function named(name: string, seen: string[]): Middleware {
  return (next, method) => {
    seen.push(`${name} round ${method.name}`);
    return (request, call) => {
      seen.push(name);
      return next(request, call);
    };
  };
}

test('the first layer is the outermost, and each is composed once', async () => {
  const seen: string[] = [];
  const handler = compose<ClientCall>([named('a', seen), named('b', seen)], (request) => request, METHOD);
  expect(await handler(1, CALL)).toBe(1);
  expect(await handler(2, CALL)).toBe(2);
  expect(seen).toEqual(['b round Discovery.Lookup', 'a round Discovery.Lookup', 'a', 'b', 'a', 'b']);
});

test('a layer that returns what it was given is not there', () => {
  const innermost = () => 1;
  expect(compose<ClientCall>([(next) => next], innermost, METHOD)).toBe(innermost);
});

test('a stream passes through the same shape', async () => {
  const upper: Middleware = (next) =>
    async function* (request, call) {
      for await (const word of next(request, call) as AsyncIterable<string>) yield word.toUpperCase();
    };
  const innermost = async function* () {
    yield 'a';
    yield 'b';
  };
  const words = compose<ClientCall>([upper], innermost, { ...METHOD, responseStream: true });
  const read: string[] = [];
  for await (const word of words({}, CALL) as AsyncIterable<string>) read.push(word);
  expect(read).toEqual(['A', 'B']);
});
