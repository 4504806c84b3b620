/**
 * Rule 7 for protos/: the committed types are those of the .proto files, and a client of the proposal's reference proto
 * (test/interop/reference/mcp2.proto, word for word) keeps working: field numbers and wire types never move.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import protobuf from 'protobufjs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { generateTypes } from '#protos/generate.ts';
import { PROTO_FILES, PROTO_ROOT } from '#protos/load.ts';
import { ROOT } from './repository.ts';

const REFERENCE = join(ROOT, 'test/interop/reference');
/** A map with bytes as values is read and written unchanged by a peer whose map has strings (both length-delimited). */
const RETYPED = {
  'ContextRequest.parameters = 2': 'map<string, bytes>',
  'ToolRequest.arguments = 2': 'map<string, bytes>',
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp2-protos-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the generated types are those of the .proto files', { timeout: 60_000 }, () => {
  generateTypes(folder);
  expect(filesBelow(folder)).toEqual(filesBelow(join(PROTO_ROOT, 'generated')));
});

test('the .proto files are well-formed, named alike and documented', () => {
  expect(buf(ROOT, 'lint')).toBe('');
});

test('no number or wire type of the reference proto moved', () => {
  expect(buf(ROOT, 'breaking', '--against', REFERENCE)).toBe('');
});

test.each([
  ['a moved number', 'repeated string capabilities = 2;', 'repeated string capabilities = 22;'],
  ['another wire type', 'repeated string capabilities = 2;', 'repeated uint32 capabilities = 2;'],
  ['another message', 'rpc Lookup(LookupRequest)', 'rpc Lookup(WatchRequest)'],
])('%s would be noticed', (_title, before, after) => {
  cpSync(join(ROOT, 'buf.yaml'), join(folder, 'buf.yaml'));
  cpSync(PROTO_ROOT, join(folder, 'protos'), { recursive: true });
  const file = join(folder, 'protos/mcp2/discovery.proto');
  writeFileSync(file, readFileSync(file, 'utf8').replace(before, after));
  expect(buf(folder, 'breaking', '--against', REFERENCE)).toContain('discovery.proto');
});

test('all 53 fields of the reference keep number, name and type, but for the values of two maps', () => {
  const reference = fieldsOf(parse([join(REFERENCE, 'mcp2.proto')]));
  const ours = fieldsOf(parse(PROTO_FILES.map((file) => join(PROTO_ROOT, file))));
  expect(reference.size).toBe(53);
  const kept = new Map([...reference.keys()].map((field) => [field, ours.get(field)]));
  expect(Object.fromEntries(kept)).toEqual({ ...Object.fromEntries(reference), ...RETYPED });
});

test('every method of the reference keeps its messages and its kind', () => {
  const reference = methodsOf(parse([join(REFERENCE, 'mcp2.proto')]));
  const ours = methodsOf(parse(PROTO_FILES.map((file) => join(PROTO_ROOT, file))));
  expect(reference).toHaveLength(8);
  expect(ours).toEqual(expect.arrayContaining(reference));
});

/** What buf found, one problem a line; empty when nothing. */
function buf(cwd: string, ...args: string[]): string {
  try {
    return execFileSync(join(ROOT, 'node_modules/.bin/buf'), args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return `${stdout ?? ''}${stderr ?? ''}` || String(error);
  }
}

function filesBelow(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(root.length + 1), readFileSync(path, 'utf8')] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function parse(files: string[]): protobuf.Namespace {
  const root = new protobuf.Root();
  const fallback = root.resolvePath.bind(root);
  root.resolvePath = (origin, target) =>
    /^(?:mcp2|google\/rpc)\//.test(target) ? join(PROTO_ROOT, target) : (fallback(origin, target) ?? target);
  return root.loadSync(files, { keepCase: true }).resolveAll().lookup('mcp2') as protobuf.Namespace;
}

/** "Message.field = number" to type. */
function fieldsOf(namespace: protobuf.Namespace): Map<string, string> {
  const messages = namespace.nestedArray.filter((nested) => nested instanceof protobuf.Type);
  return new Map(
    messages.flatMap((message) =>
      message.fieldsArray.map((field) => [`${message.name}.${field.name} = ${field.id}`, typeOf(field)] as const),
    ),
  );
}

function typeOf(field: protobuf.Field): string {
  if (field instanceof protobuf.MapField) return `map<${field.keyType}, ${field.type}>`;
  const label = field.repeated ? 'repeated ' : field.partOf ? `${field.partOf.name}: ` : '';
  return `${label}${field.type}`;
}

function methodsOf(namespace: protobuf.Namespace): string[] {
  const services = namespace.nestedArray.filter((nested) => nested instanceof protobuf.Service);
  return services.flatMap((service) =>
    service.methodsArray.map((method) => {
      const request = `${method.requestStream ? 'stream ' : ''}${method.requestType}`;
      const response = `${method.responseStream ? 'stream ' : ''}${method.responseType}`;
      return `${service.name}.${method.name}(${request}) returns (${response})`;
    }),
  );
}
