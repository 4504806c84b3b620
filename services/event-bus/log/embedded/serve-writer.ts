/** The writer's thread: opens and checks the database, then commits what waits, one group after another. */
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Clock } from '#lib/clock.ts';
import { DamagedError, messageOf } from '#lib/sqlite/errors.ts';
import { LogFolderError, type LogPlace, restore, toRefusal } from './errors.ts';
import { type Head, readHead, writeHead } from './head.ts';
import { LogConnection } from './log-connection.ts';
import { createMeta } from './log-state.ts';
import { LogWriter } from './log-writer.ts';
import type { FromWriter, ToWriter, Work, WriterSettings } from './messages.ts';
import { keepSpare, releaseSpare } from './spare-space.ts';

/** Of one transaction; what is beyond it waits for the next one. */
const GROUP_APPENDS = 4_096;
const GROUP_BYTES = 8 * 1024 * 1024;

interface Serving {
  readonly port: MessagePort;
  readonly place: LogPlace;
  readonly connection: LogConnection;
  readonly writer: LogWriter;
  readonly head: HeadKeeper;
}

export function serveWriter(port: MessagePort, settings: WriterSettings, clock: Clock): void {
  const serving = open(port, settings, clock);
  if (serving === undefined) {
    port.close();
    return;
  }
  port.on('message', (message: ToWriter) => serve(serving, message));
}

function serve(serving: Serving, first: ToWriter): void {
  let message: ToWriter | undefined = first;
  while (message !== undefined) {
    if (message.kind === 'stop') {
      stop(serving);
      return;
    }
    const { group, next } = gather(serving.port, message);
    const done = serving.writer.run(group);
    serving.port.postMessage(done satisfies FromWriter, [done.results.buffer]);
    if (hasTick(group)) {
      serving.head.keep(done.stats.lastOffset);
      keepSpare(serving.place.folder, done.stats.freeBytes);
    }
    message = next;
  }
}

function hasTick(group: readonly Work[]): boolean {
  return group.some(({ calls }) => calls.some(({ kind }) => kind === 'tick'));
}

/** Whatever waits. @returns also what did not fit. */
function gather(port: MessagePort, first: Work): { group: Work[]; next: ToWriter | undefined } {
  const group: Work[] = [];
  let appends = 0;
  let bytes = 0;
  let next: ToWriter | undefined = first;
  while (next?.kind === 'work' && appends < GROUP_APPENDS && bytes < GROUP_BYTES) {
    group.push(next);
    appends += next.appends.count;
    bytes += next.appends.payloads.length;
    next = (receiveMessageOnPort(port) as { message: ToWriter } | undefined)?.message;
  }
  return { group, next };
}

function open(port: MessagePort, settings: WriterSettings, clock: Clock): Serving | undefined {
  const { place } = settings;
  let connection: LogConnection | undefined;
  try {
    const head = readHead(place.folder);
    if (head === undefined) throw new LogFolderError(`the head in ${place.folder} is missing or damaged: ${restore()}`);
    releaseSpare(place.folder);
    connection = LogConnection.openWriter(place.database, (made) => {
      createMeta(made, Buffer.from(head.epoch, 'hex'), randomBytes(32));
    });
    const needsCheck = checkStructure(connection, place, head, settings.backgroundCheckBytes);
    const writer = new LogWriter(connection, settings, clock);
    checkHead(writer, head, place);
    const keeper = new HeadKeeper(port, place.folder, head.epoch);
    keeper.begin(writer.state.figures.lastOffset);
    keepSpare(place.folder, writer.stats.freeBytes);
    port.postMessage({
      kind: 'opened',
      epoch: writer.state.epoch,
      ackKey: writer.state.ackKey,
      stats: writer.stats,
      warnings: writer.state.warnings,
      needsCheck,
    } satisfies FromWriter);
    return { port, place, connection, writer, head: keeper };
  } catch (error) {
    connection?.close();
    port.postMessage({ kind: 'refused', refusal: toRefusal(error, place) } satisfies FromWriter);
    return undefined;
  }
}

/** @returns whether it is to be done later. @throws DamagedError */
function checkStructure(connection: LogConnection, { database }: LogPlace, head: Head, maxBytes: number): boolean {
  if (head.isClean) return false;
  if (statSync(database).size > maxBytes) return true;
  const damage = connection.findDamage();
  if (damage !== undefined) throw new DamagedError(damage);
  return false;
}

/** @throws LogFolderError when the log has less than the head says, or is another one. */
function checkHead({ state }: LogWriter, head: Head, { folder }: LogPlace): void {
  const epoch = Buffer.from(state.epoch).toString('hex');
  const { lastOffset } = state.figures;
  if (epoch !== head.epoch) {
    throw new LogFolderError(
      `the log in ${folder} is not the one that its head belongs to (epoch ${epoch}, the head says ${head.epoch}): ${restore()}`,
    );
  }
  if (lastOffset >= head.lastOffset) return;
  const missing = head.lastOffset - lastOffset;
  throw new LogFolderError(
    `the log in ${folder} lacks ${missing === 1 ? 'its last event, which was' : `its last ${missing} events, which were`} acknowledged (it ends at offset ${lastOffset}, not ${head.lastOffset}): ${restore()}`,
  );
}

/** A full disk may refuse the checkpoint: everything is in the write-ahead log then, and the head stays true. */
function stop({ port, connection, writer, head }: Serving): void {
  try {
    connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // The next start reads the log.
  }
  connection.close();
  head.end(writer.state.figures.lastOffset);
  port.close();
}

/** Writes the head when it has changed, once a second: with every commit it would double the commit's cost. */
class HeadKeeper {
  readonly #port: MessagePort;
  readonly #folder: string;
  readonly #epoch: string;
  #kept = -1;
  #hasFailed = false;

  constructor(port: MessagePort, folder: string, epoch: string) {
    this.#port = port;
    this.#folder = folder;
    this.#epoch = epoch;
  }

  /** From now on an end without `end` is an unclean one. */
  begin(lastOffset: number): void {
    this.#write(lastOffset, false);
  }

  keep(lastOffset: number): void {
    if (lastOffset !== this.#kept) this.#write(lastOffset, false);
  }

  end(lastOffset: number): void {
    this.#write(lastOffset, true);
  }

  #write(lastOffset: number, isClean: boolean): void {
    try {
      writeHead(this.#folder, { epoch: this.#epoch, lastOffset, isClean });
      this.#kept = lastOffset;
      this.#hasFailed = false;
    } catch (error) {
      // A full disk: the old head stays, which is still true, and this is tried again.
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      const message = `the head of the event log could not be written (${messageOf(error)}); this is tried again`;
      this.#port.postMessage({ kind: 'warning', message } satisfies FromWriter);
    }
  }
}
