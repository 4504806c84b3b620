/**
 * What is remembered of each resource and what is shown of it, and how both change. Pure: a snapshot is never changed, so
 * that one which cannot be saved is simply dropped.
 */
import { createHash } from 'node:crypto';
import { canonicalHash } from '#lib/canonical-json.ts';
import { foldServerName } from '#lib/capability/name.ts';
import type { Clock } from '#lib/clock.ts';
import { formatTime } from '#lib/kube/micro-time.ts';
import type { MassDeleteGuard } from '../discovery/mass-delete-guard.ts';
import { FINALIZER, type Mcp2Server, serverNameOf } from '../server/resource.ts';
import { type Defined, defineServers, type ReadFile } from './file-definitions.ts';
import type { FileState, RememberedServer } from './file-state.ts';
import type { SourcedServer } from './source.ts';

export interface FileSnapshot {
  /** Whose content is in force, by name. */
  readonly files: ReadonlyMap<string, ReadFile>;
  readonly state: FileState;
  readonly servers: ReadonlyMap<string, SourcedServer>;
}

export interface RebuildOptions {
  readonly guard: MassDeleteGuard;
  readonly clock: Clock;
}

/** Brings the servers to what the files define. @returns also how many deletions the guard holds back. */
export function rebuild(
  before: FileSnapshot,
  { guard, clock }: RebuildOptions,
): { readonly snapshot: FileSnapshot; readonly heldBack: number } {
  const { wanted } = defineServers(before.files);
  const state: Record<string, RememberedServer> = { ...before.state };
  const servers = new Map<string, SourcedServer>();
  const isDeleting = (key: string) => before.servers.get(key)?.metadata.deletionTimestamp !== undefined;
  const keys = Object.keys(state);
  const gone = keys.filter((key) => !wanted.has(key) && !isDeleting(key));
  const heldBack = guard.allows(gone, keys.length, clock.monotonicMs()) ? 0 : gone.length;
  for (const [key, { resource, file }] of wanted) {
    const remembered = rememberedOf(key, { resource, file }, before.state[key], clock);
    state[key] = remembered;
    servers.set(key, toServer(resource, remembered));
  }
  for (const key of keys) {
    if (wanted.has(key)) continue;
    const known = before.servers.get(key);
    if (heldBack > 0 && known) servers.set(key, known);
    else if (known?.metadata.deletionTimestamp) servers.set(key, known);
    else {
      const remembered = before.state[key] as RememberedServer;
      state[key] = withoutResource(remembered);
      servers.set(key, toDeleting(key, remembered, known, clock));
    }
  }
  return { snapshot: { files: before.files, state, servers }, heldBack };
}

/** Changes what is remembered of one; nothing for one that is not there any more. */
export function remember(before: FileSnapshot, key: string, change: Partial<RememberedServer>): FileSnapshot {
  const known = before.state[key];
  const server = before.servers.get(key);
  if (!known || !server) return before;
  const remembered = { ...known, ...change };
  const finalizers = remembered.hasFinalizer ? [FINALIZER] : [];
  const status = remembered.status === undefined ? {} : { status: remembered.status };
  const shown = { ...server, ...status, metadata: { ...server.metadata, finalizers } };
  const servers = new Map(before.servers).set(key, shown);
  return { ...before, state: { ...before.state, [key]: remembered }, servers };
}

/** As if it had never been. */
export function forget(before: FileSnapshot, key: string): FileSnapshot {
  const { [key]: _, ...state } = before.state;
  const servers = new Map(before.servers);
  servers.delete(key);
  return { ...before, state, servers };
}

function rememberedOf(
  key: string,
  { resource, file }: Defined,
  known: RememberedServer | undefined,
  clock: Clock,
): RememberedServer {
  const specHash = canonicalHash(resource.spec);
  const serverName = serverNameOf(resource);
  return {
    uid: uidOf(key, serverName),
    serverName,
    specHash,
    generation: known?.specHash === specHash ? known.generation : (known?.generation ?? 0) + 1,
    creationTimestamp: known?.creationTimestamp ?? formatTime(clock.nowMs()),
    file,
    hasFinalizer: known?.hasFinalizer ?? false,
    resource,
    ...(known?.status ? { status: known.status } : {}),
  };
}

function toDeleting(
  key: string,
  { uid, serverName }: RememberedServer,
  known: SourcedServer | undefined,
  clock: Clock,
): SourcedServer {
  const [namespace = '', name = ''] = key.split('/');
  const base = known ?? { metadata: { namespace, name }, spec: { serverName } };
  const deletionTimestamp = formatTime(clock.nowMs());
  return { ...base, metadata: { ...base.metadata, uid, finalizers: [FINALIZER], deletionTimestamp } };
}

function toServer(resource: Mcp2Server, remembered: RememberedServer): SourcedServer {
  const { uid, generation, creationTimestamp, hasFinalizer, status } = remembered;
  const finalizers = hasFinalizer ? [FINALIZER] : [];
  const metadata = { ...resource.metadata, uid, generation, creationTimestamp, finalizers };
  return { ...resource, metadata, ...(status ? { status } : {}) };
}

/** Deleted for good: a file that is broken at the next start must not bring it back. */
function withoutResource({ resource: _, ...remembered }: RememberedServer): RememberedServer {
  return remembered;
}

/** A renamed server is another server: its old registration must go, not be renamed under its clients. */
function uidOf(key: string, serverName: string): string {
  return createHash('sha256')
    .update(`${key}/${foldServerName(serverName)}`)
    .digest('hex')
    .slice(0, 32);
}
