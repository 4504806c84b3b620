/** Reads for a context: on a replica where one is close enough, and once more elsewhere when a connection breaks. */
import type { Logger } from '#lib/logger.ts';
import { Attempt, type AttemptFailed, type AttemptOptions } from './attempt.ts';
import type { Answer, BoundStatement } from './exchange.ts';
import { isConflict, logFailure } from './failure.ts';
import type { Choice, Member, Members } from './members.ts';
import { beginRead } from './transaction-text.ts';

export interface ReadOptions extends Omit<AttemptOptions, 'member'> {
  readonly members: Members;
  /** Made when there is something to say. */
  readonly log: () => Logger;
}

export interface Read {
  readonly answer: Answer;
  readonly choice: Choice;
}

/** @throws ServiceError; the reason of the caller's signal */
export async function read(statement: BoundStatement, options: ReadOptions): Promise<Read> {
  const { members, meter, log } = options;
  const first = members.choose();
  try {
    return { answer: await readFrom(first.member, statement, options), choice: first };
  } catch (error) {
    const failed = error as AttemptFailed;
    const second = nextChoice(members, first.member, failed);
    logFailure(log().child({ member: first.member.name }), failed.cause, statement.values);
    if (second === undefined || options.call.signal.aborted) throw failed.reason;
    meter.retried(failed.wasLost ? 'connection' : 'conflict');
    return { answer: await readAgain(second.member, statement, options), choice: second };
  }
}

async function readAgain(member: Member, statement: BoundStatement, options: ReadOptions): Promise<Answer> {
  try {
    return await readFrom(member, statement, options);
  } catch (error) {
    const failed = error as AttemptFailed;
    logFailure(options.log().child({ member: member.name }), failed.cause, statement.values);
    throw failed.reason;
  }
}

async function readFrom(member: Member, statement: BoundStatement, options: ReadOptions): Promise<Answer> {
  return Attempt.run({ ...options, member }, async (attempt) => {
    await attempt.begin(beginRead);
    return attempt.execute({ ...statement, thenCommit: true });
  });
}

/** A standby ends a read that is in the way of what it replays (40001); a broken connection says nothing of the next one. */
function nextChoice(members: Members, not: Member, failed: AttemptFailed): Choice | undefined {
  if (isConflict(failed.cause)) return members.choose(not);
  if (!failed.wasLost) return undefined;
  not.pool.distrust();
  const other = members.choose(not);
  // A server that refuses connections refuses the next one too.
  return other.member === not && failed.phase === 'connect' ? undefined : other;
}
