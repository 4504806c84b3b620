/** Ports of the servers that configuration files make: the first free one for each, none twice. */
import { UserError } from '#lib/user-error.ts';
import { isFree } from '../ports.ts';

const FIRST_PORT = 50_061;
/** More servers than that belong into a cluster. */
const MAX_PORTS = 200;

export class PortBook {
  readonly #taken = new Set<number>();

  /** @throws UserError when none of 200 is free */
  async take(): Promise<number> {
    for (let port = FIRST_PORT; port < FIRST_PORT + MAX_PORTS; port += 1) {
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await isFree(port)) return port;
      this.#taken.delete(port);
    }
    const range = `${FIRST_PORT} to ${FIRST_PORT + MAX_PORTS - 1}`;
    throw new UserError(`the ports ${range} are all in use; write listen: 127.0.0.1:PORT with a free one`);
  }

  giveBack(port: number): void {
    this.#taken.delete(port);
  }
}
