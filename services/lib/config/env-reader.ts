/**
 * Reads settings out of environment variables and collects every problem, so that a wrong deployment is put right in one
 * go and not one crash after the other.
 *
 * Each method returns a usable value also when it notes a problem; the caller throws ConfigError before it uses any. A
 * variable that is set to nothing counts as not set: that is what templates produce. Values never appear in a problem,
 * since a secret may have been put into the wrong variable.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { parseHostPort } from '../net/listen-address.ts';
import { UserError } from '../user-error.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of a configuration; the message lists them, one a line. */
export class ConfigError extends UserError {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
    super(`the configuration has ${count}:\n${problems.map((text) => `  - ${text}`).join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

export interface NumberRange<Fallback> {
  /** What an absent variable means; left out, the variable is required. */
  readonly fallback?: Fallback;
  readonly min: number;
  readonly max: number;
}

export interface Optional<Value> {
  readonly fallback: Value;
}

export class EnvReader {
  /** Sentences that name the variable and say what it must be. */
  readonly problems: string[] = [];
  readonly #env: Environment;

  constructor(env: Environment) {
    this.#env = env;
  }

  /** Throws when anything was wrong; call it before the values are used. @throws ConfigError */
  check(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems);
  }

  /** A problem that is about more than one variable. */
  problem(sentence: string): void {
    this.problems.push(sentence);
  }

  optional(name: string): string | undefined {
    const value = this.#env[name]?.trim();
    return value === '' ? undefined : value;
  }

  string(name: string, { fallback }: Optional<string>): string {
    return this.optional(name) ?? fallback;
  }

  required(name: string): string {
    return this.optional(name) ?? this.#refuse(name, 'is required', '');
  }

  /** Decimal digits only: "1e3", "0x10" and "10.5" are refused. */
  integer(name: string, range: NumberRange<number>): number {
    const { fallback, min, max } = range;
    const text = this.optional(name);
    if (text === undefined) return fallback ?? this.#refuse(name, 'is required', min);
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    return this.#refuse(name, `must be a whole number from ${min} to ${max}`, fallback ?? min);
  }

  /** "500ms", "10s", "5m" or "2h", in milliseconds; a number without a unit is refused. */
  durationMs(name: string, range: NumberRange<number>): number {
    const { fallback, min, max } = range;
    const text = this.optional(name);
    if (text === undefined) return fallback ?? this.#refuse(name, 'is required', min);
    const value = parseDurationMs(text) ?? Number.NaN;
    if (value >= min && value <= max) return value;
    const limits = `from ${formatDuration(min)} to ${formatDuration(max)}`;
    return this.#refuse(name, `must be a duration ${limits}, written like 500ms, 10s, 5m or 2h`, fallback ?? min);
  }

  boolean(name: string, { fallback }: Optional<boolean>): boolean {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    if (text === 'true' || text === 'false') return text === 'true';
    return this.#refuse(name, 'must be true or false', fallback);
  }

  oneOf<Value extends string>(name: string, allowed: readonly Value[], options: Partial<Optional<Value>> = {}): Value {
    const text = this.optional(name);
    const otherwise = options.fallback ?? (allowed[0] as Value);
    if (text === undefined) return options.fallback ?? this.#refuse(name, 'is required', otherwise);
    return allowed.find((value) => value === text) ?? this.#refuse(name, `must be ${allowed.join(' or ')}`, otherwise);
  }

  /** "host:port", for example "0.0.0.0:50050" or "[::]:50050". */
  hostPort(name: string, options: Partial<Optional<string>> = {}): string {
    const text = this.optional(name) ?? options.fallback;
    if (text === undefined) return this.#refuse(name, 'is required', '127.0.0.1:0');
    if (parseHostPort(text) !== undefined) return text;
    return this.#refuse(name, 'must be host:port, for example 0.0.0.0:50050 or [::]:50050', '127.0.0.1:0');
  }

  /** The path of a file that can be read now; undefined when the variable is not set. */
  file(name: string): string | undefined {
    const path = this.optional(name);
    if (path === undefined) return undefined;
    try {
      accessSync(path, constants.R_OK);
      const stats = statSync(path);
      if (stats.isFile()) return path;
      const wrong = stats.isDirectory() ? 'a file, not of a folder' : 'a regular file, not of a pipe, socket or device';
      return this.#refuse(name, `must be the path of ${wrong}`, path);
    } catch (error) {
      const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
      return this.#refuse(name, absent ? 'names a file that does not exist' : 'names a file that cannot be read', path);
    }
  }

  requiredFile(name: string): string {
    return this.optional(name) === undefined ? this.#refuse(name, 'is required', '') : (this.file(name) ?? '');
  }

  /** Comma-separated, without empty entries; an absent variable is the fallback. */
  list(name: string, { fallback }: Optional<readonly string[]>): readonly string[] {
    const text = this.optional(name);
    if (text === undefined) return fallback;
    return text
      .split(',')
      .map((entry) => entry.trim())
      .filter((entry) => entry !== '');
  }

  #refuse<Value>(name: string, problem: string, value: Value): Value {
    this.problems.push(`${name} ${problem}`);
    return value;
  }
}

const UNIT_MS: Readonly<Record<string, number>> = Object.freeze({ ms: 1, s: 1000, m: 60_000, h: 3_600_000 });

/** Milliseconds of "500ms", "10s", "5m", "2h"; undefined for anything else. */
export function parseDurationMs(text: string): number | undefined {
  const [, digits, unit] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const unitMs = unit === undefined ? undefined : UNIT_MS[unit];
  return digits === undefined || unitMs === undefined ? undefined : Number(digits) * unitMs;
}

function formatDuration(ms: number): string {
  const unit = ['h', 'm', 's'].find((name) => ms > 0 && ms % (UNIT_MS[name] ?? 1) === 0) ?? 'ms';
  return `${ms / (UNIT_MS[unit] ?? 1)}${unit}`;
}
