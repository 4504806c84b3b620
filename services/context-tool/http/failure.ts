/**
 * How a request to an upstream failed, before it is known whether a context or a tool asked for it.
 *
 * What matters to the caller is not the error's name but how far the request came: one of which no byte left may always be
 * sent again, one that was sent may have been carried out.
 */

export type HttpFailureKind =
  /** Every connection was taken, and the queue was full or the wait too long. */
  | 'pool-full'
  /** The name has no address, nobody listens, or TLS failed. */
  | 'unreachable'
  /** The address, or a redirect, leads where we do not go. */
  | 'refused'
  /** The connection broke, or what came was not HTTP. */
  | 'broken'
  | 'too-large'
  /** The source's own timeout. */
  | 'timeout'
  /** The call's deadline. */
  | 'deadline'
  /** The caller left. */
  | 'cancelled';

export interface HttpFailureFacts {
  /** The request went to the connection: it may have been carried out. */
  readonly sent: boolean;
  /** A byte of the answer came. */
  readonly answered: boolean;
  /** For people: "the redirect leads from https to http". Absent: what the kind says. */
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

export class HttpFailure extends Error {
  readonly kind: HttpFailureKind;
  readonly sent: boolean;
  readonly answered: boolean;
  readonly detail: string | undefined;

  constructor(kind: HttpFailureKind, { sent, answered, detail, cause }: HttpFailureFacts) {
    // A caller's reason is his own and goes back to him as it is.
    const kept = kind === 'cancelled' ? cause : withoutContent(cause);
    super(detail ?? kind, kept === undefined ? undefined : { cause: kept });
    this.name = 'HttpFailure';
    this.kind = kind;
    this.sent = sent;
    this.answered = answered;
    this.detail = detail;
  }
}

/** Nothing of it left. */
export const NOT_SENT: HttpFailureFacts = Object.freeze({ sent: false, answered: false });

/** For the log: undici's errors carry pieces of the answer and of the socket, which are nobody's business there. */
function withoutContent(cause: unknown): unknown {
  if (!(cause instanceof Error)) return undefined;
  const inner = cause instanceof AggregateError ? cause.errors.map((each) => messageOf(each)).join('; ') : '';
  return new Error(cause.message === '' ? inner : cause.message);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}
