/** The table of docs/network-policy.md, for whoever holds it against policies or against a cluster. */
import { ANYWHERE } from '../../helm/traits.ts';
import { namesOf } from '../harness/chart-traits.ts';
import { type Flow, isOwn, PEERS } from './network-traffic.ts';

/** Who may call whom, as docs/network-policy.md says it. */
export interface Row {
  readonly from: string;
  readonly to: string;
  /** Undefined: any. */
  readonly ports: readonly number[] | undefined;
  readonly protocols: readonly string[] | undefined;
}

/** @throws Error for a row that names nobody. */
export function readTable(text: string): readonly Row[] {
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| `([a-z-]+)` \| (any|[\d, ]+) \| (any|[A-Z, ]+) \|/gm)];
  return rows.flatMap(([, from = '', to = '', ports = '', protocols = '']) => {
    const rest = {
      ports: ports === 'any' ? undefined : ports.split(', ').map(Number),
      protocols: protocols === 'any' ? undefined : protocols.split(', '),
    };
    return named(from, ['anyone']).flatMap((one) =>
      named(to, ANYWHERE).map((other) => ({ from: one, to: other, ...rest })),
    );
  });
}

/** Each server of the context-tool is a peer of its own. @param also words that are no peers */
function named(name: string, also: readonly string[]): readonly string[] {
  const names = name === 'context-tool' ? namesOf('contextTool') : [name];
  const unknown = names.find((one) => !PEERS.has(one) && !also.includes(one));
  if (unknown !== undefined) throw new Error(`the table names ${unknown}, whom this test does not know`);
  return names;
}

/**
 * A flow needs a row of the caller, where the caller is ours, and one of the called, where that is ours. `servers` and
 * `backends` may be anybody but a machine's metadata, our own pods included; so may `anyone`.
 */
export function inTable(rows: readonly Row[]): (flow: Flow) => boolean {
  return ({ from, to, port }) => {
    const fitting = rows.filter(
      ({ ports, protocols }) => (ports?.includes(port.number) ?? true) && (protocols?.includes(port.protocol) ?? true),
    );
    const mayCall = fitting.some(
      (row) => row.from === from && (row.to === to || (ANYWHERE.includes(row.to) && to !== 'metadata')),
    );
    const mayBeCalled = fitting.some((row) => row.to === to && (row.from === from || row.from === 'anyone'));
    return (mayCall || !isOwn(from)) && (mayBeCalled || !isOwn(to));
  };
}
