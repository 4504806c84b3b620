/**
 * The worker's side of the embedded store: takes what waits, commits the writes of it as one group, then answers the
 * reads, which therefore see only what is on the disk.
 */
import type { MessagePort } from 'node:worker_threads';
import { commitGroup, type Outcome } from '#lib/sqlite/group-commit.ts';
import type { Entry } from '../store.ts';
import { applyTransaction, readEntry, removeLease, toEntry } from './changes.ts';
import { checkDatabase } from './check.ts';
import { EmbeddedDatabase } from './database.ts';
import { type StorePlace, toRefusal, toSent } from './errors.ts';
import { readMarker } from './folder.ts';
import { compactLog, readPage } from './log.ts';
import { MarkerKeeper } from './marker-keeper.ts';
import type { Answer, Call, FromWorker, StoreRequest, ToWorker, WorkerSettings } from './requests.ts';
import { toStored } from './rows.ts';

/** Of values in one message: what is copied for one reader at a time stays bounded. */
const MESSAGE_BYTES = 1024 * 1024;

type Send = (message: FromWorker) => void;

/** Opens and checks the database, then serves until it is told to stop. */
export function serveStore(port: MessagePort, { place, bounds }: WorkerSettings): void {
  const send: Send = (message) => port.postMessage(message);
  const opened = open(place, send);
  if (opened === undefined) {
    port.close();
    return;
  }
  const { database, marker } = opened;
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'stop') {
      stop(database, marker);
      port.close();
      return;
    }
    serveCalls(message.calls, { database, place, send, finish: () => compactLog(database, bounds) });
    marker.note(database.state.revision);
  });
}

function open(place: StorePlace, send: Send): { database: EmbeddedDatabase; marker: MarkerKeeper } | undefined {
  let database: EmbeddedDatabase | undefined;
  try {
    const { revision } = readMarker(place.folder);
    database = new EmbeddedDatabase(place.database);
    checkDatabase(database, revision);
    const marker = new MarkerKeeper(place.folder, revision);
    marker.note(database.state.revision);
    send({ kind: 'opened', leases: database.leases().map(({ id, ttl }) => ({ id, ttlSeconds: ttl })) });
    return { database, marker };
  } catch (error) {
    database?.close();
    send({ kind: 'refused', refusal: toRefusal(error, place) });
    return undefined;
  }
}

/** A full disk may refuse the checkpoint: everything is in the write-ahead log then, and the marker stays true. */
function stop(database: EmbeddedDatabase, marker: MarkerKeeper): void {
  const { revision } = database.state;
  try {
    database.checkpoint();
  } catch {
    // The next start reads the log.
  }
  marker.stop(revision);
  database.close();
}

interface Serving {
  readonly database: EmbeddedDatabase;
  readonly place: StorePlace;
  readonly send: Send;
  /** Before each commit. */
  finish(): void;
}

function serveCalls(calls: readonly Call[], serving: Serving): void {
  const { database, place, send, finish } = serving;
  const writes = calls.flatMap(({ id, request }) => {
    const act = writeOf(request, database);
    return act === undefined ? [] : { id, act };
  });
  const outcomes =
    writes.length === 0
      ? []
      : commitGroup(
          database,
          writes.map(({ act }) => act),
          finish,
        );
  let answers = writes.map(({ id }, i) => toAnswer(id, outcomes[i] as Outcome, place));
  if (writes.length > 0 && writes.length < calls.length) {
    // A long listing must not keep them.
    send({ kind: 'answers', answers, isLast: false });
    answers = [];
  }
  let bytes = 0;
  for (const { id, request } of calls) {
    const read = readOf(id, request, serving);
    if (read === undefined) continue;
    answers.push(toAnswer(id, read.outcome, place));
    bytes += read.bytes;
    if (bytes < MESSAGE_BYTES) continue;
    send({ kind: 'answers', answers, isLast: false });
    answers = [];
    bytes = 0;
  }
  send({ kind: 'answers', answers, isLast: true });
}

/** @returns undefined for a read. */
function writeOf(request: StoreRequest, database: EmbeddedDatabase): (() => unknown) | undefined {
  switch (request.kind) {
    case 'transact':
      return () => applyTransaction(database, request.transaction);
    case 'grant':
      return () => database.putLease(request.leaseId, request.ttlSeconds);
    case 'revoke':
      return () => removeLease(database, request.leaseId);
    default:
      return undefined;
  }
}

/** @returns undefined for a write. */
function readOf(id: number, request: StoreRequest, serving: Serving): { outcome: Outcome; bytes: number } | undefined {
  const { database } = serving;
  try {
    switch (request.kind) {
      case 'get': {
        const entry = readEntry(database, request.key);
        const value = { entry, revision: database.state.revision };
        return { outcome: { value }, bytes: entry?.value.length ?? 0 };
      }
      case 'page':
        return { outcome: { value: readPage(database, request.prefix, request.fromRevision) }, bytes: MESSAGE_BYTES };
      case 'list':
        sendEntries(id, request.prefix, serving);
        return { outcome: { value: database.state.revision }, bytes: 0 };
      default:
        return undefined;
    }
  } catch (error) {
    return { outcome: { error }, bytes: 0 };
  }
}

function sendEntries(id: number, prefix: string, { database, send }: Serving): void {
  let entries: Entry[] = [];
  let bytes = 0;
  for (const row of database.entriesBelow(prefix)) {
    entries.push(toEntry(row.key, toStored(row)));
    bytes += row.key.length + row.value.length;
    if (bytes < MESSAGE_BYTES) continue;
    send({ kind: 'part', id, entries });
    entries = [];
    bytes = 0;
  }
  send({ kind: 'part', id, entries });
}

function toAnswer(id: number, outcome: Outcome, place: StorePlace): Answer {
  return 'error' in outcome ? { id, error: toSent(outcome.error, place) } : { id, value: outcome.value };
}
