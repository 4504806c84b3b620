/** What `mcp2 up` offers to type next: commands that work with the servers that are ready, and nothing that fails. Pure. */
import { shellWord } from '#lib/shell-word.ts';
import type { ListedServer } from '../servers.ts';

export interface TryOptions {
  readonly servers: readonly Pick<ListedServer, 'serverName' | 'ready' | 'resource' | 'status'>[];
  /** Whether these are the examples of the package: of them it is known what may be asked. */
  readonly areExamples: boolean;
}

interface Example {
  /** Some ready server offers it. */
  readonly needs: string;
  readonly command: string;
}

/** Articles and warehouses of examples/inventory/stock.sql. */
const INVENTORY: readonly Example[] = [
  { needs: 'db:inventory:read', command: 'lookup db:inventory:read' },
  { needs: 'db:inventory:read', command: 'context inventory:prod_12345:stock_count --param warehouse=NY' },
  { needs: 'tool:compute_pricing', command: 'call compute_pricing --arg sku=prod_12345 --arg stock_count=42' },
  {
    needs: 'tool:reserve_stock',
    command: 'call reserve_stock --arg sku=prod_12345 --arg warehouse=NY --arg quantity=2 --idempotency-key order-1',
  },
];

/** Of the event bus, whatever the servers are. */
const EVENTS: readonly string[] = [
  `publish orders:new '{"order": 7}' --id order-7`,
  'subscribe orders:new --from beginning --count 1',
];

/** Arguments of `mcp2`. */
export function linesToTry(options: TryOptions): readonly string[] {
  return [...linesOfServers(options), ...EVENTS];
}

/** At least one line. */
function linesOfServers({ servers, areExamples }: TryOptions): readonly string[] {
  const ready = servers.filter((server) => server.ready?.status === 'True');
  const offered = ready.flatMap(offeredBy);
  const known = areExamples ? INVENTORY.filter(({ needs }) => offered.includes(needs)) : [];
  if (known.length > 0) return known.map(({ command }) => command);
  const capability = offered.find((name) => !name.includes('*'));
  const withCard = ready.find(({ status }) => status?.serverInfo !== undefined);
  const lines = [
    ...(capability === undefined ? [] : [`lookup ${shellWord(capability)}`]),
    ...(withCard === undefined ? [] : [`describe ${shellWord(withCard.serverName)}`]),
  ];
  return lines.length > 0 ? lines : ['get servers'];
}

/** What can be found: what a resource declares, and what the card of a discovered server says. */
function offeredBy({ resource, status }: TryOptions['servers'][number]): readonly string[] {
  const declared = (resource?.spec.capabilities ?? []).map(({ name }) => name);
  const discovered = resource?.spec.capabilityMode === 'Discovered' ? (status?.capabilities?.undeclared ?? []) : [];
  // Short ones first: db:inventory:read says more to a reader than context:read:inventory:*:stock_count.
  return [...declared, ...discovered.toSorted((a, b) => a.length - b.length)];
}
