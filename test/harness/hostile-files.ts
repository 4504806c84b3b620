/** Files that somebody puts into a watched folder to harm whoever reads them. The same seed makes the same files. */
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdirSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Uniform in [0, 1). Mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const KiB = 1024;
const MAX_BYTES = 1024 * KiB;

const HEAD = 'apiVersion: mcp2.dev/v1alpha1\nkind: Mcp2Server\nmetadata: {name: hostile}\nspec:\n';
const times = (text: string, bytes: number) => text.repeat(Math.max(1, Math.floor(bytes / text.length)));
const count = (bytes: number, each: (index: number) => string, join = '\n') =>
  Array.from({ length: Math.max(1, Math.floor(bytes / (each(0).length + join.length + 3))) }, (_, i) => each(i)).join(
    join,
  );

/** A text of about this many bytes. */
export const HOSTILE_TEXTS: Readonly<Record<string, (bytes: number, random: () => number) => string | Buffer>> = {
  'numbers as keys': (bytes) => `{${count(bytes, String, ',')}}`,
  'numbers in a list': (bytes) => `[${count(bytes, String, ',')}]`,
  'keys of a map': (bytes) => count(bytes, (i) => `k${i}: 1`),
  'the same key again and again': (bytes) => times('a: 1\n', bytes),
  'items of a list': (bytes) => times('- a\n', bytes),
  'lists in lists on one line': (bytes) => times('- ', bytes),
  'keys that are maps': (bytes) => times('? ', bytes),
  'open brackets': (bytes) => times('[', bytes),
  'open braces': (bytes) => times('{', bytes),
  'closing brackets': (bytes) => times(']', bytes),
  'maps in maps': (bytes) => count(Math.min(bytes, 1400), (i) => `${' '.repeat(i)}a:`),
  'aliases that multiply': () =>
    [
      'a: &a [x,x,x,x,x,x,x,x,x]',
      ...'bcdefghij'.split('').map((name, i) => {
        const before = '*'.concat('abcdefghij'[i] as string);
        return `${name}: &${name} [${Array.from({ length: 9 }, () => before).join(',')}]`;
      }),
    ].join('\n'),
  'anchors and aliases': (bytes) => count(bytes / 2, (i) => `a${i}: &a${i} 1\nb${i}: *a${i}`),
  documents: (bytes) => times('---\na: 1\n', bytes),
  'empty lines': (bytes) => times('\n', bytes),
  comments: (bytes) => times('# x\n', bytes),
  tags: (bytes) => times('!!a ', bytes),
  quotes: (bytes) => times('"', bytes),
  'a long text': (bytes) => `a: "${'x'.repeat(bytes)}"`,
  'lines of text': (bytes) => `a: |\n${times(' x\n', bytes)}`,
  'capabilities without a name': (bytes) => `${HEAD}  capabilities: [${times('{},', bytes)}]\n`,
  'capabilities of the wrong type': (bytes) => `${HEAD}  capabilities: [${times('1,', bytes)}]\n`,
  'capabilities with a bad name': (bytes) => `${HEAD}  capabilities:\n${times('    - {name: "db:inv*"}\n', bytes)}`,
  'unknown fields of spec': (bytes) => HEAD + count(bytes, (i) => `  f${i}: 1`),
  labels: (bytes) =>
    `${HEAD.replace('{name: hostile}', `{name: hostile, labels: {${count(bytes, (i) => `a${i}: 1`, ', ')}}}`)}`,
  'a capability of many segments': (bytes) => `${HEAD}  capabilities: [{name: "db:${times('a:', bytes)}a"}]\n`,
  'a name for backtracking': (bytes) => `${HEAD.replace('hostile', `${'a-'.repeat(bytes / 2)}!`)}`,
  'a list of servers': (bytes) => `apiVersion: v1\nkind: List\nitems: [${times('{},', bytes)}]\n`,
  'a list in a list': (bytes) =>
    `apiVersion: v1\nkind: List\nitems: [${times('{apiVersion: v1, kind: List, items: [', bytes)}`,
  JSON: (bytes) => JSON.stringify({ items: Array.from({ length: bytes / 10 }, (_, i) => ({ i })) }),
  'the prototype': (bytes) => count(bytes, (i) => `- {__proto__: {a${i}: 1}, constructor: 1}`),
  'control characters': (bytes) => times('\u001b[2J\u0007: \u202e\n', bytes),
  bytes: (bytes, random) => Buffer.from(Uint8Array.from({ length: bytes }, () => random() * 256)),
  'text of two bytes a letter': (bytes) => Buffer.from(`\ufeff${times('a: 1\n', bytes / 2)}`, 'utf16le'),
  'what is no UTF-8': (bytes) => Buffer.concat([Buffer.from('a: '), Buffer.alloc(bytes, 0xff)]),
  'words that mean something': (bytes) => `[${times('yes, 010, 1_0, ~, .inf, ', bytes)}]`,
};

/** Not regular files, or not what they seem. */
export const SPECIAL_FILES: Readonly<Record<string, (path: string) => void>> = {
  'a pipe': (path) => execFileSync('mkfifo', [path]),
  'a link to a device without end': (path) => symlinkSync('/dev/zero', path),
  'a link to a terminal': (path) => symlinkSync('/dev/tty', path),
  'a link to a full device': (path) => symlinkSync('/dev/full', path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a link that leads nowhere': (path) => symlinkSync(`${path}.absent`, path),
  'a folder': (path) => mkdirSync(path),
  'a file of 100 GiB without content': (path) => {
    const file = openSync(path, 'w');
    ftruncateSync(file, 100 * 1024 ** 3);
    closeSync(file);
  },
  'a file of the system that has no size': (path) => symlinkSync('/proc/self/maps', path),
  'a link to a file of the system without end': (path) => symlinkSync('/proc/self/pagemap', path),
};

/** Puts one file there, in place of what is there; which one and how large is the chance's choice. @returns its kind */
export function putHostileFile(folder: string, name: string, random: () => number): string {
  const path = join(folder, name);
  rmSync(path, { recursive: true, force: true });
  const pick = <Value>(table: Readonly<Record<string, Value>>): [string, Value] => {
    const entries = Object.entries(table);
    return entries[Math.floor(random() * entries.length)] as [string, Value];
  };
  if (random() < 0.2) {
    const [kind, make] = pick(SPECIAL_FILES);
    make(path);
    return kind;
  }
  const [kind, make] = pick(HOSTILE_TEXTS);
  // As often 100 bytes to 1 KiB as 100 KiB to 1 MiB.
  const bytes = Math.floor(MAX_BYTES * 10 ** (-4 * random()));
  writeFileSync(path, Buffer.from(make(bytes, random)).subarray(0, MAX_BYTES));
  return kind;
}
