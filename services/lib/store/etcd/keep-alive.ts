/**
 * All leases of one store kept alive over one stream: a stream for each costs 1.6 times the CPU and twice the memory.
 *
 * The answers carry the lease's id, so each finds its caller. One that stays out too long counts against the stream,
 * and everybody on it tries again on the next.
 */
import type { IDuplexStream, ILeaseKeepAliveRequest, ILeaseKeepAliveResponse } from 'etcd3';
import type { Clock } from '#lib/clock.ts';
import { StreamTrouble } from './calls.ts';
import { type Member, requireLeader } from './members.ts';

type LeaseStream = IDuplexStream<ILeaseKeepAliveRequest, ILeaseKeepAliveResponse>;

interface Connection {
  readonly member: Member;
  readonly stream: Promise<LeaseStream>;
  /** By lease id. */
  readonly waiting: Map<string, PromiseWithResolvers<boolean>>;
}

export class KeepAliveStream {
  readonly #clock: Clock;
  #connection: Connection | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns false when the lease is gone. @throws StreamTrouble; extending twice does no harm, so try again. */
  async extend(member: Member, leaseId: string, timeoutMs: number): Promise<boolean> {
    const connection = this.#connect(member);
    const earlier = connection.waiting.get(leaseId);
    if (earlier !== undefined) return earlier.promise;
    const answer = Promise.withResolvers<boolean>();
    connection.waiting.set(leaseId, answer);
    // What fails here breaks the stream too, or is not answered in time.
    connection.stream.then((stream) => stream.write({ ID: leaseId })).catch(ignore);
    const answered = new AbortController();
    this.#clock
      .sleep(timeoutMs, answered.signal)
      .then(() => this.#drop(connection, new StreamTrouble('a keep-alive was not answered in time')))
      .catch(ignore);
    return answer.promise.finally(() => answered.abort());
  }

  close(): void {
    if (this.#connection !== undefined) this.#drop(this.#connection, new StreamTrouble('the stream was closed'));
  }

  #connect(member: Member): Connection {
    if (this.#connection?.member === member) return this.#connection;
    this.close();
    const stream = member.streams.leaseClient.leaseKeepAlive({ interceptors: [requireLeader] });
    const connection: Connection = { member, stream, waiting: new Map() };
    const broken = (error?: unknown) => this.#drop(connection, new StreamTrouble('the keep-alive stream broke', error));
    const listen = (open: LeaseStream) => {
      open.on('data', (response) => answerWaiting(connection, response));
      open.on('error', broken);
      open.on('end', broken);
    };
    stream.then(listen).catch(broken);
    this.#connection = connection;
    return connection;
  }

  #drop(connection: Connection, trouble: StreamTrouble): void {
    if (this.#connection === connection) this.#connection = undefined;
    connection.stream.then(endStream).catch(ignore);
    for (const { reject } of connection.waiting.values()) reject(trouble);
    connection.waiting.clear();
  }
}

function answerWaiting({ waiting }: Connection, { ID, TTL }: ILeaseKeepAliveResponse): void {
  // A lease that is gone is answered with a time to live of 0.
  waiting.get(ID)?.resolve(TTL !== '0');
  waiting.delete(ID);
}

/** In this order: etcd3 takes the error of a stream that is canceled while writable for a failure of the member. */
function endStream(stream: LeaseStream): void {
  stream.end();
  stream.cancel();
}

const ignore = () => undefined;
