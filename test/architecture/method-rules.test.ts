/** Nothing is served of which nobody said who may call it: each method of each service has a row, and each row a method. */
import { service as health } from 'grpc-health-check';
import { expect, test } from 'vitest';
import { systemClock } from '#lib/clock.ts';
import { plaintextServer } from '#lib/grpc/credentials.ts';
import { implement } from '#lib/grpc/method.ts';
import { createServer } from '#lib/grpc/serve.ts';
import { unary } from '#lib/grpc/unary.ts';
import { silentLogger } from '#lib/logger.ts';
import { createGuards, ruleOf } from '#lib/middleware/guard.ts';
import { METHOD_RULES } from '#lib/middleware/method-rules.ts';
import { noRevocations } from '#lib/token/revocations.ts';
import { loadServices } from '#protos/load.ts';

const SERVICES = { ...loadServices(), Health: health };
const METHODS = Object.entries(SERVICES).flatMap(([service, definition]) =>
  Object.keys(definition).map((name) => `${service}.${name}`),
);
const guardsWithout = () =>
  createGuards({
    serverName: 'Any',
    authenticate: () => {
      throw new Error('not reached');
    },
    revocations: noRevocations,
  });

test('every method of every service has a row, and no row is left over', () => {
  const rows = Object.entries(METHOD_RULES).flatMap(([service, rules]) =>
    Object.keys(rules).map((name) => `${service}.${name}`),
  );
  expect(METHODS.length).toBeGreaterThan(20);
  expect(rows.sort()).toEqual([...METHODS].sort());
});

test('anybody may call health, the public keys and the exchange of a token, and nothing else', () => {
  const open = METHODS.filter((method) => ruleOf(method).on === 'nothing');
  const healthMethods = ['Health.Check', 'Health.List', 'Health.Watch'];
  expect(open.sort()).toEqual([...healthMethods, 'TokenService.Exchange', 'TokenService.GetJwks']);
});

test.each(['Discovery.Forget', 'Nothing.Lookup', 'constructor.name', 'Discovery.constructor'])(
  'a method without a row has no guard: %s',
  (method) => {
    expect(() => guardsWithout()(method)).toThrow('add a row to method-rules.ts');
  },
);

test('a service does not start with a method that has no row, or whose own guard was left out', () => {
  const { Discovery } = SERVICES;
  const start = (definition: typeof Discovery, method: string) => () =>
    createServer({
      services: [implement(definition, { [method]: unary(() => ({})) } as object)],
      guards: guardsWithout(),
      credentials: plaintextServer(),
      clock: systemClock,
      log: silentLogger,
    });
  const unlisted = { Forget: { ...Discovery.Lookup, path: '/mcp2.Discovery/Forget' } };
  expect(start(unlisted as unknown as typeof Discovery, 'Forget')).toThrow(
    'nothing says who may call Discovery.Forget',
  );
  expect(start(Discovery, 'Lookup')).toThrow('Discovery.Lookup needs its own guard from its service');
});
