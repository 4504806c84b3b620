/**
 * `mcp2 token mint --out FILE --keep`: a token in a file, and a fresh one in its place long before it ends, for programs
 * that read the file again (`tokenFile` of mcp2/client and mcp2/server). For laptops and tests: in a cluster somebody
 * else does this.
 *
 * The key is read anew each time, so that a new key signs the next token. What fails is said once and tried again.
 */
import { resolve } from 'node:path';
import type { Clock } from '#lib/clock.ts';
import { onOneLine } from '#lib/printable.ts';
import { saveFile } from '#lib/saved-file.ts';
import { CommandFailed } from '../failure.ts';
import { stopOnSignals } from '../stop-on-signals.ts';
import type { Terminal } from '../terminal.ts';
import { formatAge } from '../text/time.ts';

export interface KeptToken {
  /** As it was named. */
  readonly out: string;
  readonly ttlSeconds: number;
  /** @throws an error for people */
  readonly mint: () => Promise<string>;
}

/** A fresh one comes after this part of the life of the one before. */
const RENEWED_AFTER = 1 / 2;
/** Between two tries, and between two looks at the clock: a laptop that slept through a token's end goes on at once. */
const LOOK_MS = 5_000;
const MIN_LOOK_MS = 100;

/** Readable by this user alone, replaced whole. @throws CommandFailed */
export async function writeTokenFile(token: string, out: string, { workingFolder }: Terminal): Promise<void> {
  try {
    await saveFile(resolve(workingFolder, out), `${token}\n`);
  } catch (error) {
    throw new CommandFailed(`${onOneLine(out)} cannot be written: ${whyUnwritable(error)}`, { cause: error });
  }
}

/** Until SIGINT, SIGTERM or SIGHUP. @throws the error of the first token; later ones are said and tried again */
export async function keepTokenFile(kept: KeptToken, terminal: Terminal): Promise<void> {
  const { clock, note } = terminal;
  const { out, ttlSeconds } = kept;
  const signal = stopOnSignals(terminal);
  let written = await renew(kept, terminal);
  const everyMs = RENEWED_AFTER * ttlSeconds * 1000;
  note(`${onOneLine(out)} holds a token, and a fresh one every ${formatAge(everyMs)}. Ctrl-C ends that.`);
  let isTroubled = false;
  while (await untilDue(isTroubled ? clock.nowMs() + Math.min(everyMs, LOOK_MS) : written + everyMs, clock, signal)) {
    try {
      written = await renew(kept, terminal);
      if (isTroubled) note(`${onOneLine(out)} holds a fresh token again.`);
      isTroubled = false;
    } catch (error) {
      if (!isTroubled) note(`no fresh token: ${sentence(error)}; trying again`);
      isTroubled = true;
    }
  }
  const end = new Date(written + ttlSeconds * 1000).toISOString();
  note(`Stopped. The token in ${onOneLine(out)} is good until ${end}.`);
}

/** @returns when it was minted, in Unix milliseconds */
async function renew({ mint, out }: KeptToken, terminal: Terminal): Promise<number> {
  const mintedMs = terminal.clock.nowMs();
  await writeTokenFile(await mint(), out, terminal);
  return mintedMs;
}

/** @returns false when it was stopped */
async function untilDue(dueMs: number, clock: Clock, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted && clock.nowMs() < dueMs) {
    const ms = Math.max(MIN_LOOK_MS, Math.min(LOOK_MS, dueMs - clock.nowMs()));
    await clock.sleep(ms, signal).catch(() => undefined);
  }
  return !signal.aborted;
}

function sentence(error: unknown): string {
  return onOneLine(error instanceof Error ? error.message : String(error));
}

function whyUnwritable(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such folder';
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return 'this user may not write there';
  if (code === 'EISDIR') return 'it is a folder';
  return code === 'ENOSPC' ? 'there is no space left' : onOneLine(message);
}
