/** A module with the function of a tool. It is not loaded here: that runs code. */
import type { Segments } from '#lib/schema/schema.ts';
import { limited } from './limits.ts';
import { bytes, milliseconds } from './quantities.ts';
import { locateFile, type Reading } from './reading.ts';
import type { ModuleConfig } from './runtime-config.ts';

/** As the format has it. */
export interface RawModule {
  readonly file: string;
  readonly export?: string;
  readonly timeout?: string;
  readonly memory?: string;
  readonly processes?: number;
  readonly native?: boolean;
}

const HOUR_MS = 3_600_000;
const MIB = 1024 ** 2;

/** @returns undefined after a problem was added */
export function readModule(reading: Reading, segments: Segments, raw: RawModule): ModuleConfig | undefined {
  const at = (name: string) => [...segments, name];
  if (!/\.(?:m?js|cjs|m?ts|cts)$/.test(raw.file)) {
    reading.document.add(at('file'), 'is no module; name a file that ends in .mjs, .js, .cjs, .mts, .ts or .cts');
    return undefined;
  }
  const file = locateFile(reading, at('file'), raw.file);
  const timeoutMs = limited(reading, at('timeout'), milliseconds(raw.timeout ?? '10s'), [1, HOUR_MS, '1ms to 1h']);
  const memory = bytes(raw.memory ?? '128Mi');
  const memoryBytes = limited(reading, at('memory'), memory, [32 * MIB, 16 * 1024 * MIB, '32Mi to 16Gi']);
  if (file === undefined) return undefined;
  const { export: name = 'default', processes = 2, native = false } = raw;
  const place = reading.document.place(segments);
  return { file, export: name, timeoutMs, memoryBytes, processes, native, place };
}
