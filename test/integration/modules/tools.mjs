/** A tool module for tests: what well-behaved ones do. */
import { twice } from './twice.mjs';

export default function echo(args) {
  return args;
}

export const double = async ({ n }) => ({ n: twice(n) });

/** What it is given besides its arguments. */
export function facts(_args, { caller, deadlineMs, invocationId, idempotencyKey }) {
  return { caller, deadlineMs, invocationId, idempotencyKey, environment: process.env, send: typeof process.send };
}

export function pid() {
  return { pid: process.pid };
}

export function warns(_args, call) {
  call.warn('nearly empty');
  return {};
}

export function fails() {
  throw { name: 'ToolFailed', code: 'OUT_OF_FOOD', message: 'there is none left' };
}

export function throws() {
  throw new Error('a secret of the module');
}

export function returnsCircle() {
  const circle = {};
  circle.circle = circle;
  return circle;
}

export function returnsBytes({ bytes }) {
  return { bytes: Buffer.alloc(bytes, 1) };
}

export function waits({ ms }) {
  return new Promise((resolve) => setTimeout(() => resolve({ waited: ms }), ms));
}

/** Ends as soon as nobody waits for it. */
export async function listens(_args, { signal }) {
  await new Promise((resolve) => signal.addEventListener('abort', resolve));
  return { aborted: signal.aborted };
}

export function logs({ lines, bytes }, { log }) {
  for (let i = 0; i < lines; i++) log.info({ i }, 'x'.repeat(bytes));
  return { lines };
}

export function prints({ lines, bytes }) {
  for (let i = 0; i < lines; i++) console.log('y'.repeat(bytes));
  return { lines };
}

export function writes({ lines, bytes }) {
  const text = `${'z'.repeat(bytes)}\n`;
  for (let i = 0; i < lines; i++) process.stdout.write(text);
  return { lines };
}

export function printsAll() {
  console.log('one\ntwo', { three: [3] });
  console.error('four');
}

export function logsOddly(_args, { log }) {
  const circle = {};
  circle.circle = circle;
  log.info(circle, 'a circle');
  log.info({ much: 'a'.repeat(10_000) }, 'much');
  log.info('text alone');
  log.child({ a: 1 }).warn({ b: 2 }, 'with a child');
  log.fatal(new Error('broken'), 'an error');
  log.debug({}, undefined);
}
