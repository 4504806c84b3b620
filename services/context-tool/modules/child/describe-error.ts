/** What a module threw, as text with a bound: for the log of its owner, never for a caller. */
import { inspect } from 'node:util';
import type { SentError } from '../messages.ts';
import { cut } from './line-limit.ts';

const MAX_MESSAGE_BYTES = 1_024;
const MAX_STACK_BYTES = 8 * 1_024;
/** What V8 and Node say when memory is refused to a module that asks for one large piece. */
const NO_MEMORY = /allocat|grow instance memory/i;

/** Also for what is no Error, and for what fails when it is looked at. */
export function describeError(thrown: unknown): SentError {
  try {
    const { name, message, code, resource } = (thrown ?? {}) as Partial<Record<keyof SentError, unknown>>;
    return {
      name: typeof name === 'string' ? cut(name, 100) : typeof thrown,
      message: cut(typeof message === 'string' ? message : String(thrown), MAX_MESSAGE_BYTES),
      stack: cut(inspect(thrown, { depth: 2, maxStringLength: MAX_STACK_BYTES }), MAX_STACK_BYTES),
      code: typeof code === 'string' ? cut(code, 100) : undefined,
      resource: typeof resource === 'string' ? cut(resource, MAX_MESSAGE_BYTES) : undefined,
    };
  } catch {
    return { name: 'Error', message: 'an error that cannot be shown', stack: 'an error that cannot be shown' };
  }
}

/** True when the error says that there is no memory left. */
export function isOutOfMemory(thrown: unknown): boolean {
  if (!(thrown instanceof Error)) return false;
  const code: unknown = (thrown as NodeJS.ErrnoException).code;
  return code === 'ERR_MEMORY_ALLOCATION_FAILED' || (thrown instanceof RangeError && NO_MEMORY.test(thrown.message));
}
