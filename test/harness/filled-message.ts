/** A request of any method, filled by what its .proto file says, so that tests of all methods need no list of them. */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { PROTO_FILES, PROTO_ROOT } from '#protos/load.ts';

/** Legal as a context key, a tool, a server, a topic, a filter and a capability. */
export const ANY_NAME = 'inventory';
/** Nothing about authority: that comes in metadata. */
const CREDENTIAL = /token|proof|^credential$/;

/** Takes the full name of a message, for example "mcp2.LookupRequest". Reads the .proto files once. */
export function createMessageFiller(): (type: string) => Record<string, unknown> {
  const root = loadRoot();
  return (type) => fill(root.lookupType(type));
}

function loadRoot(): protobuf.Root {
  const loaded = new protobuf.Root();
  const fallback = loaded.resolvePath.bind(loaded);
  loaded.resolvePath = (origin, target) =>
    /^(?:mcp2|google\/rpc)\//.test(target) ? join(PROTO_ROOT, target) : (fallback(origin, target) ?? target);
  loaded.loadSync([...PROTO_FILES], { keepCase: true }).resolveAll();
  return loaded;
}

function fill(type: protobuf.Type): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    if (CREDENTIAL.test(field.name) || field.partOf !== null) continue;
    const value = valueFor(field);
    if (value !== undefined) message[field.name] = value;
  }
  for (const oneof of type.oneofsArray) {
    // The member that opens a stream is the one that can say who calls.
    const opening = oneof.fieldsArray.find((field) => hasCredential(field.resolvedType)) ?? oneof.fieldsArray[0];
    if (opening?.resolvedType instanceof protobuf.Type) message[opening.name] = fill(opening.resolvedType);
  }
  return message;
}

function valueFor(field: protobuf.Field): unknown {
  if (field instanceof protobuf.MapField) return field.type === 'bytes' ? { filter: Buffer.from('x') } : undefined;
  if (field.type !== 'string') return undefined;
  return field.repeated ? [ANY_NAME] : ANY_NAME;
}

function hasCredential(type: protobuf.Type | protobuf.Enum | null): boolean {
  return type instanceof protobuf.Type && type.fieldsArray.some(({ name }) => CREDENTIAL.test(name));
}
