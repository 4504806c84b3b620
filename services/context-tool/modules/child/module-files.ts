/**
 * The files that a module is made of. The first process of a configuration tells its parent what they held; every later one
 * gets the same, whatever stands in them by then: a configuration is in force as it was loaded, and not half of it.
 *
 * What a module loads only during a call, and what it reads by itself, comes from the disk.
 */
import { type LoadHookSync, type ModuleHooks, type ResolveHookSync, registerHooks } from 'node:module';
import type { KeptFile, KeptModule } from '../messages.ts';

/** Together; of a module with more, every process reads what is there. */
export const MAX_KEPT_BYTES = 16 * 1024 * 1024;

const MAX_URLS = 1_000;

export class ModuleFiles {
  readonly #given: ReadonlyMap<string, KeptFile>;
  /** By who asks and what for. */
  readonly #links: Map<string, string>;
  readonly #loaded: KeptFile[] = [];
  readonly #urls: string[] = [];
  readonly #hooks: ModuleHooks;
  #bytes = 0;

  /** Follows what is loaded from now on. @param given What to load in place of what is on the disk. */
  constructor(given: KeptModule | undefined) {
    this.#given = new Map(given?.files.map((file) => [file.url, file]));
    this.#links = new Map(given?.links);
    this.#hooks = registerHooks({ resolve: this.#resolve, load: this.#load });
  }

  /** Of what was read from the disk, at most so many; in the order of loading. */
  get urls(): readonly string[] {
    return this.#urls;
  }

  /** Undefined when it is too large. */
  get kept(): KeptModule | undefined {
    if (this.#bytes > MAX_KEPT_BYTES) return undefined;
    return { files: this.#loaded, links: [...this.#links] };
  }

  /** What is loaded from now on is nobody's concern. */
  end(): void {
    this.#hooks.deregister();
  }

  readonly #resolve: ResolveHookSync = (specifier, context, next) => {
    const link = JSON.stringify([context.parentURL, specifier]);
    const known = this.#given.get(this.#links.get(link) ?? '');
    if (known !== undefined) {
      const { url, format } = known;
      return { url, format, importAttributes: context.importAttributes, shortCircuit: true };
    }
    const resolved = next(specifier, context);
    this.#links.set(link, resolved.url);
    return resolved;
  };

  readonly #load: LoadHookSync = (url, context, next) => {
    const known = this.#given.get(url);
    if (known !== undefined) return { ...known, shortCircuit: true };
    const loaded = next(url, context);
    const { format, source } = loaded;
    if (!url.startsWith('file:')) return loaded;
    if (this.#urls.length < MAX_URLS) this.#urls.push(url);
    // A native addon has no text.
    if (source === undefined || source === null) return loaded;
    const kept = typeof source === 'string' ? source : Buffer.from(source as Uint8Array);
    this.#bytes += kept.length;
    if (this.#bytes <= MAX_KEPT_BYTES) this.#loaded.push({ url, format, source: kept });
    return loaded;
  };
}
