/**
 * The entry file of the process that holds one connection. A process and not a worker thread: a thread inside of SQLite
 * cannot be ended (node:sqlite has no interrupt, `terminate()` waits for ever), a process can.
 */
import type { ChildSettings, FromChild, ToChild } from '../messages.ts';
import { SqliteServer } from './serve.ts';

if (import.meta.main) serve(JSON.parse(process.argv[2] ?? '') as ChildSettings);

function serve(settings: ChildSettings): void {
  const send = (message: FromChild) => {
    process.send?.(message);
  };
  const server = new SqliteServer(settings, send);
  // A terminal's Ctrl-C reaches the whole group; the parent decides when this ends, by closing the channel.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const end = () => {
    server.close();
    process.exit();
  };
  process.on('message', (message: ToChild) => {
    if (message.kind === 'stop') end();
    else server.answer(message);
  });
  process.on('disconnect', end);
  send({ kind: 'ready' });
}
