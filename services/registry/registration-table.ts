/**
 * All registrations of one state of the store, searchable by capability and by name.
 *
 * Server and instance records arrive separately and in any order. An instance counts only while the server record
 * names the same owner: a name that was taken over or now belongs to the operator takes its old instances with it.
 * A value that is no record is skipped, as if its key did not exist, and counted: one bad record must not stop a reader.
 */

import { CapabilityTrie } from '#lib/capability/capability-trie.ts';
import { foldServerName } from '#lib/capability/name.ts';
import { compilePattern, type Pattern } from '#lib/capability/pattern.ts';
import { decodeInstanceRecord, type InstanceRecord } from '#lib/store/instances.ts';
import type { Keys } from '#lib/store/keys.ts';
import { decodeServerRecord, type ServerRecord } from '#lib/store/servers.ts';
import type { Entry, Revision } from '#lib/store/store.ts';
import {
  type Registration,
  type RegistrationContext,
  registrationOfInstance,
  registrationOfServer,
} from './registration.ts';

const MAX_PATTERNS = 20_000;

/** A record, and the entry that it was read from. */
export interface Stored<T> {
  readonly record: T;
  readonly modRevision: Revision;
  readonly leaseId: string | undefined;
}

interface Indexed<T> extends Stored<T> {
  /** Undefined while it must not be found. */
  registration: Registration | undefined;
}

interface Slot {
  server: Indexed<ServerRecord> | undefined;
  /** Undefined when there is none, as with every server that the operator keeps. */
  instances: Map<string, Indexed<InstanceRecord>> | undefined;
}

export interface TableSize {
  readonly servers: number;
  readonly endpoints: number;
  readonly undecodable: number;
}

export class RegistrationTable {
  readonly #keys: Keys;
  readonly #slots = new Map<string, Slot>();
  readonly #trie = new CapabilityTrie<Registration>();
  readonly #undecodable = new Set<string>();
  /** Many servers offer the same. */
  readonly #patterns = new Map<string, Pattern | undefined>();
  #servers = 0;
  #endpoints = 0;

  constructor(keys: Keys) {
    this.#keys = keys;
  }

  get size(): TableSize {
    return { servers: this.#servers, endpoints: this.#endpoints, undecodable: this.#undecodable.size };
  }

  /** Keys outside the two prefixes are ignored. */
  put({ key, value, modRevision, leaseId }: Entry): void {
    const place = this.#placeOf(key);
    if (place === undefined) return;
    const { folded, instanceId } = place;
    const stored = { modRevision, leaseId, registration: undefined };
    const isKnown =
      instanceId === undefined
        ? this.#setServer(folded, withRecord(serverRecordAt(folded, value), stored))
        : this.#setInstance(folded, instanceId, withRecord(instanceRecordAt(place, value), stored));
    if (isKnown) this.#undecodable.delete(key);
    else this.#undecodable.add(key);
  }

  remove(key: string): void {
    const place = this.#placeOf(key);
    if (place === undefined) return;
    this.#undecodable.delete(key);
    if (place.instanceId === undefined) this.#setServer(place.folded, undefined);
    else this.#setInstance(place.folded, place.instanceId, undefined);
  }

  /** Every registration with a capability that overlaps the filter. Never change the set returned. */
  find(filter: Pattern): ReadonlySet<Registration> {
    return this.#trie.find(filter);
  }

  /** All registrations of one server, whatever they offer. */
  *ofServer(serverName: string): Generator<Registration> {
    const slot = this.#slots.get(foldServerName(serverName));
    if (slot === undefined) return;
    if (slot.server?.registration !== undefined) yield slot.server.registration;
    for (const { registration } of slot.instances?.values() ?? []) if (registration !== undefined) yield registration;
  }

  server(serverName: string): Stored<ServerRecord> | undefined {
    return this.#slots.get(foldServerName(serverName))?.server;
  }

  instance(serverName: string, instanceId: string): Stored<InstanceRecord> | undefined {
    return this.#slots.get(foldServerName(serverName))?.instances?.get(instanceId);
  }

  /** Self-registered names that no instance stands for. */
  *namesWithoutInstances(): Generator<Stored<ServerRecord>> {
    for (const { server, instances } of this.#slots.values()) {
      if (server?.record.owner.manager === 'register' && instances === undefined) yield server;
    }
  }

  #placeOf(key: string): Place | undefined {
    const { servers, instances } = this.#keys;
    if (key.startsWith(servers)) return { folded: key.slice(servers.length), instanceId: undefined };
    if (!key.startsWith(instances)) return undefined;
    const [folded, instanceId, ...more] = key.slice(instances.length).split('/');
    return folded && instanceId && more.length === 0 ? { folded, instanceId } : undefined;
  }

  #setServer(folded: string, server: Indexed<ServerRecord> | undefined): boolean {
    const slot = this.#slotOf(folded);
    this.#show(slot.server, undefined);
    this.#servers += (server === undefined ? 0 : 1) - (slot.server === undefined ? 0 : 1);
    slot.server = server;
    if (server !== undefined) this.#show(server, registrationOfServer(server.record, this.#context(folded, server)));
    for (const instance of slot.instances?.values() ?? []) {
      if (isOwned(slot, instance) !== (instance.registration !== undefined)) this.#showInstance(folded, slot, instance);
    }
    this.#dropIfEmpty(folded, slot);
    return server !== undefined;
  }

  #setInstance(folded: string, instanceId: string, instance: Indexed<InstanceRecord> | undefined): boolean {
    const slot = this.#slotOf(folded);
    this.#show(slot.instances?.get(instanceId), undefined);
    if (instance === undefined) {
      slot.instances?.delete(instanceId);
      if (slot.instances?.size === 0) slot.instances = undefined;
    } else {
      slot.instances ??= new Map();
      slot.instances.set(instanceId, instance);
      this.#showInstance(folded, slot, instance);
    }
    this.#dropIfEmpty(folded, slot);
    return instance !== undefined;
  }

  #showInstance(folded: string, slot: Slot, instance: Indexed<InstanceRecord>): void {
    const isFound = isOwned(slot, instance);
    this.#show(
      instance,
      isFound ? registrationOfInstance(instance.record, this.#context(folded, instance)) : undefined,
    );
  }

  #context(foldedName: string, { modRevision }: Stored<unknown>): RegistrationContext {
    return { foldedName, modRevision, compile: this.#compile };
  }

  /** Makes the record findable as `registration`, and no longer as what it was before. */
  #show(indexed: Indexed<unknown> | undefined, registration: Registration | undefined): void {
    if (indexed === undefined) return;
    const before = indexed.registration;
    for (const capability of before?.capabilities ?? []) this.#trie.remove(capability, before as Registration);
    for (const capability of registration?.capabilities ?? []) this.#trie.add(capability, registration as Registration);
    this.#endpoints += (registration?.endpoints.length ?? 0) - (before?.endpoints.length ?? 0);
    indexed.registration = registration;
  }

  readonly #compile = (text: string): Pattern | undefined => {
    let pattern = this.#patterns.get(text);
    if (pattern !== undefined) return pattern;
    if (this.#patterns.size >= MAX_PATTERNS) this.#patterns.clear();
    pattern = compilePattern(text);
    this.#patterns.set(text, pattern);
    return pattern;
  };

  #slotOf(folded: string): Slot {
    let slot = this.#slots.get(folded);
    if (slot === undefined) {
      slot = { server: undefined, instances: undefined };
      this.#slots.set(folded, slot);
    }
    return slot;
  }

  #dropIfEmpty(folded: string, { server, instances }: Slot): void {
    if (server === undefined && instances === undefined) this.#slots.delete(folded);
  }
}

interface Place {
  readonly folded: string;
  /** Undefined for a server record. */
  readonly instanceId: string | undefined;
}

/** A record under a key that does not name it is no record of ours. */
function serverRecordAt(folded: string, value: string): ServerRecord | undefined {
  const record = decodeServerRecord(value);
  return record !== undefined && isSpelling(record.name, folded) ? record : undefined;
}

function instanceRecordAt({ folded, instanceId }: Place, value: string): InstanceRecord | undefined {
  const record = decodeInstanceRecord(value);
  if (record === undefined || !isSpelling(record.serverName, folded)) return undefined;
  return record.endpoint.instanceId === instanceId ? record : undefined;
}

function isSpelling(name: string, folded: string): boolean {
  return name === folded || foldServerName(name) === folded;
}

function withRecord<T>(record: T | undefined, stored: Omit<Indexed<T>, 'record'>): Indexed<T> | undefined {
  return record === undefined ? undefined : { ...stored, record };
}

function isOwned({ server }: Slot, { record }: Indexed<InstanceRecord>): boolean {
  const owner = server?.record.owner;
  return owner?.manager === 'register' && owner.sub === record.sub;
}
