/** "host:port" as listeners write it (IPv6 in brackets: "[::]:50050"), and why one could not be opened. */
import { UserError } from '../user-error.ts';

export interface HostPort {
  readonly host: string;
  /** 0 to 65535; 0 asks the system for a free one. */
  readonly port: number;
}

/** A listener could not be opened; the message is for whoever started the process and says what to do. */
export class ListenError extends UserError {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ListenError';
  }
}

/** undefined when the text is no host:port. An empty host is refused: write 0.0.0.0 or [::] for all interfaces. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:/[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The ListenError for what `listen` on this address failed with. */
export function explainListenFailure(address: HostPort, error: unknown): ListenError {
  const where = formatHostPort(address);
  const because = (sentence: string) => new ListenError(`cannot listen on ${where}: ${sentence}`, error);
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return because('the port is in use; stop the process that has it or choose another port');
    case 'EACCES':
      return because('not permitted; choose a port above 1023');
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return because('this machine has no such address; 0.0.0.0 means all of its interfaces');
    default:
      return because(error instanceof Error ? error.message : String(error));
  }
}
