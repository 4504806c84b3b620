/** A nats-server of its own, as test/cluster/go.mod pins it: core, and JetStream in a folder. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { NATS } from '../../cluster/binaries.ts';
import { ensureBinaries } from '../../cluster/build.ts';
import { eventually } from '../../harness/eventually.ts';
import { freePort } from '../../harness/ports.ts';
import type { BenchServer } from '../bench-server.ts';

export interface NatsOptions {
  /** Of its configuration and of JetStream's files. */
  readonly folder: string;
  /** Each acknowledged message is on the disk; otherwise it is with the system, which writes it within two minutes. */
  readonly syncAlways?: boolean;
}

/** Slow sinks wait, as those of the bus do, and are not cut off. */
const CONFIGURATION = 'max_pending: 1GB\nwrite_deadline: "30s"\nping_interval: "10m"';

/** @throws Error that says what to install where it is not there and cannot be built. */
export async function startNats({ folder, syncAlways = false }: NatsOptions): Promise<BenchServer> {
  const { path } = await ensureBinaries({ binaries: NATS });
  const port = await freePort();
  const file = join(folder, `nats-${port}.conf`);
  const sync = syncAlways ? ', sync_interval: always' : '';
  const jetStream = `jetstream { store_dir: "${join(folder, `jetstream-${port}`)}"${sync} }`;
  writeFileSync(file, `listen: "127.0.0.1:${port}"\n${CONFIGURATION}\n${jetStream}\n`);
  const child = spawn(path('nats-server'), ['-c', file], { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => child.once('error', reject));
  const stop = () => child.kill('SIGKILL');
  process.once('exit', stop);
  await Promise.race([failed, eventually(() => accepts(port), Boolean, { what: 'nats-server listens' })]);
  return { address: `127.0.0.1:${port}`, pid: child.pid ?? 0, stop };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('data', () => answer(true)).once('error', () => answer(false));
  });
}
