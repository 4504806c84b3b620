/** A tool module for tests: what goes wrong. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';

const kept = [];

export const loop = () => {
  for (;;);
};

export const array = () => ({ length: new Array(2 ** 31).fill(0).length });

export const objects = () => {
  for (;;) kept.push({ a: [1, 2, 3] });
};

export const buffers = async () => {
  for (;;) {
    kept.push(Buffer.alloc(4_000_000, 1));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};

/** No mistake: much garbage, of which little is held at one time. */
export const garbage = () => {
  let sum = 0;
  for (let i = 0; i < 400; i++) {
    const list = Array.from({ length: 20_000 }, (_, n) => ({ n, text: `${n}` }));
    sum += list.length;
  }
  return { sum };
};

/** @param mebibytes In one piece. @param ms How long it is held. */
export const buffer = async ({ mebibytes, ms = 0 }) => {
  kept.push(Buffer.alloc(mebibytes * 1024 * 1024, 1));
  await new Promise((resolve) => setTimeout(resolve, ms));
  return {};
};

export const wasm = async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  memory.grow(16_000);
  new Uint8Array(memory.buffer).fill(1);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  return {};
};

export const exit = ({ code }) => process.exit(code);

export const abort = () => process.abort();

export const kill = async ({ signal }) => {
  process.kill(process.pid, signal);
  await new Promise(() => setTimeout(() => undefined, 60_000));
};

export const reject = async () => {
  // biome-ignore lint/nursery/noFloatingPromises: that is the mistake
  Promise.reject(new Error('nobody handles this'));
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};

export const throwLater = async () => {
  setTimeout(() => {
    throw new Error('nobody catches this');
  }, 1);
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};

/** Answers, and fails afterwards. */
export const failAfterwards = () => {
  setTimeout(() => process.exit(7), 20);
  return {};
};

export const disconnect = async () => {
  process.disconnect();
  await new Promise((resolve) => setTimeout(resolve, 60_000));
};

export const read = ({ file }) => ({ text: readFileSync(file, 'utf8') });

export const write = ({ file }) => writeFileSync(file, 'text');

export const start = () => ({ pid: spawn('/bin/sleep', ['1']).pid });

export const startThread = () => ({ id: new Worker(new URL('./twice.mjs', import.meta.url)).threadId });

/** Goes on after it was refused memory, and still holds what it had. */
export const full = () => {
  throw new RangeError('Array buffer allocation failed');
};

export const pid = () => ({ pid: process.pid });
