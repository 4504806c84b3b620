/** The program of `nats-raw.ts`. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { answerQuestions, machineMs } from '../../harness/event-load/load-process.ts';
import type { PublisherCounts } from '../../harness/event-load/publisher.ts';
import type { SinkCounts } from '../../harness/event-load/sinks.ts';
import type { NatsRawConfig } from './nats-raw.ts';

/** Messages that one PING confirms, and how many PINGs are on their way: so the publisher outruns nobody by much. */
const BLOCK = 128;
const BLOCKS = 2;

async function runSinks({ target, subject, payloadBytes, sinks }: NatsRawConfig): Promise<void> {
  const message = `MSG ${subject} 1 ${payloadBytes}\r\n`.length + payloadBytes + '\r\n'.length;
  const bytes = new Array<number>(sinks).fill(0);
  await Promise.all(
    bytes.map(async (_, index) => {
      const socket = await open(target, `SUB ${subject} 1\r\n`);
      socket.on('data', (chunk) => {
        bytes[index] = (bytes[index] ?? 0) + chunk.length;
      });
    }),
  );
  answerQuestions({
    count: (): SinkCounts => ({ ...usage(), events: bytes.map((count) => Math.floor(count / message)) }),
  });
}

async function runPublisher({ target, subject, payloadBytes }: NatsRawConfig): Promise<void> {
  const socket = await open(target, '');
  const one = Buffer.from(`PUB ${subject} ${payloadBytes}\r\n${'x'.repeat(payloadBytes)}\r\n`);
  const block = Buffer.concat([...Array<Buffer>(BLOCK).fill(one), Buffer.from('PING\r\n')]);
  let runs = false;
  let waiting = 0;
  let confirmed = 0;
  const fill = () => {
    for (; runs && waiting < BLOCKS; waiting += 1) socket.write(block);
  };
  socket.on('data', (chunk) => {
    const pongs = chunk.toString('latin1').split('PONG').length - 1;
    waiting -= pongs;
    confirmed += pongs * BLOCK;
    fill();
  });
  const count = (): PublisherCounts => ({ ...usage(), acknowledged: confirmed, longestWaitMs: 0 });
  answerQuestions({
    start() {
      runs = true;
      fill();
    },
    async stop() {
      runs = false;
      while (waiting > 0) await once(socket, 'data');
      return count();
    },
    count,
  });
}

/** Connected, and what it asked for is in force. */
async function open(target: string, request: string): Promise<Socket> {
  const colon = target.lastIndexOf(':');
  const socket = connect(Number(target.slice(colon + 1)), target.slice(0, colon));
  await once(socket, 'data'); // INFO
  socket.write(`CONNECT {"verbose":false}\r\n${request}PING\r\n`);
  for (let answers = ''; !answers.includes('PONG'); ) answers += String((await once(socket, 'data'))[0]);
  return socket;
}

function usage() {
  const { user, system } = process.cpuUsage();
  return { atMs: machineMs(), cpuMicroseconds: user + system };
}

if (import.meta.main) {
  const config = JSON.parse(process.argv[2] ?? '{}') as NatsRawConfig;
  await (config.role === 'sinks' ? runSinks(config) : runPublisher(config));
}
