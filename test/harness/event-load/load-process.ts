/**
 * A program that makes or takes load, in a process of its own, so that its work is not measured as that of others. It is
 * told its configuration as an argument and then answers questions, one after the other.
 */
import { type ChildProcess, fork } from 'node:child_process';

/** 8 MiB of young generation, as the product's image runs. */
const NODE_FLAGS = ['--max-semi-space-size=8'];

interface Question {
  readonly id: number;
  readonly question: unknown;
}

interface Answer {
  readonly id: number;
  readonly answer?: unknown;
  /** Why there is none. */
  readonly failed?: string;
}

export class LoadProcess<Questions> implements Disposable {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
  #ended: Error | undefined;
  #nextId = 1;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.on('message', (message) => this.#take(message as Answer));
    child.once('exit', (code, signal) => this.#end(new Error(`the load program ended with ${signal ?? code}`)));
    child.once('error', (error) => this.#end(error));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws Error with what the program said when it could not answer, or ended. */
  ask<Kind extends keyof Questions & string>(
    kind: Kind,
    ...[more]: InputOf<Questions, Kind> extends undefined ? [] : [InputOf<Questions, Kind>]
  ): Promise<OutputOf<Questions, Kind>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#child.send({ id, question: { kind, input: more } } satisfies Question);
    });
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }

  #take({ id, answer, failed }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failed === undefined) waiting?.resolve(answer);
    else waiting?.reject(new Error(failed));
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** A table of questions: each a function from what is asked to the answer. */
type InputOf<Questions, Kind extends keyof Questions> = Questions[Kind] extends (input: infer Input) => unknown
  ? unknown extends Input
    ? undefined
    : Input
  : never;
type OutputOf<Questions, Kind extends keyof Questions> = Questions[Kind] extends (...args: never[]) => infer Output
  ? Awaited<Output>
  : never;

/** @param program Absolute path. @returns once it answers questions. */
export async function startLoad<Questions>(program: string, config: object): Promise<LoadProcess<Questions>> {
  const child = fork(program, [JSON.stringify(config)], { execArgv: NODE_FLAGS, serialization: 'advanced' });
  const load = new LoadProcess<Questions & { ready: () => void }>(child);
  await load.ask('ready' as never);
  return load;
}

/** In the program: answers until whoever asks has gone. */
export function answerQuestions(questions: Readonly<Record<string, (input: never) => unknown>>): void {
  process.on('message', (message) => {
    const { id, question } = message as Question;
    const { kind, input } = question as { readonly kind: string; readonly input: never };
    const answer = async () => (kind === 'ready' ? undefined : questions[kind]?.(input));
    answer().then(
      (value) => process.send?.({ id, answer: value } satisfies Answer),
      (error: unknown) => process.send?.({ id, failed: String(error) } satisfies Answer),
    );
  });
  process.once('disconnect', () => process.exit());
}

/** Monotonic, and the same in every process of the machine. */
export function machineMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
