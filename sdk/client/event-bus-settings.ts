/**
 * Where the event bus is: the option, then the environment, then what is mounted in a pod, then a running `mcp2 up`. Looked
 * for when an event method is first used: most clients publish nothing, and many places have no bus.
 */
import { readLocalEventBus } from '#lib/config/connection-file.ts';
import { nonEmpty } from '#lib/config/non-empty.ts';
import { locateStateFolder } from '#lib/config/state-folder.ts';
import type { Ambient } from './ambient.ts';
import { type ConnectionOptions, findCaFile, NotConfigured, readTrusted, requireSafeAddress } from './settings.ts';

export interface EventBusOptions extends Pick<ConnectionOptions, 'caFile' | 'plaintext'> {
  /** host:port. Default: MCP2_EVENT_BUS_ADDRESS, the mounted trust ConfigMap, or a running `mcp2 up`. */
  readonly eventBus?: string | undefined;
}

export interface EventBusSettings {
  /** host:port. */
  readonly address: string;
  /** Undefined: plaintext. */
  readonly caFile: string | undefined;
}

const EXAMPLE = 'mcp2-event-bus.mcp2-system.svc:50052';

/** @throws NotConfigured, and UnsafeStateFolder when others could have written the address of `mcp2 up`. */
export function readEventBusSettings(options: EventBusOptions, ambient: Ambient): EventBusSettings {
  const { plaintext = false } = options;
  const found = findEventBus(options, ambient);
  requireSafeAddress({ ...found, plaintext, what: 'event bus', example: EXAMPLE });
  return found;
}

function findEventBus(options: EventBusOptions, ambient: Ambient): EventBusSettings {
  const { env } = ambient;
  const named = options.eventBus ?? nonEmpty(env.MCP2_EVENT_BUS_ADDRESS) ?? readTrusted('eventBus', env);
  if (named !== undefined) return { address: named, caFile: findCaFile(options, env) };
  const local = readLocalEventBus(locateStateFolder(undefined, ambient).connection);
  if (local !== undefined) return { address: local, caFile: options.caFile };
  throw new NotConfigured(
    'no event bus is known: set the option eventBus or MCP2_EVENT_BUS_ADDRESS, mount ConfigMap mcp2-trust at /etc/mcp2/trust (MCP2_TRUST_DIR), or start one here with "mcp2 up"',
  );
}
