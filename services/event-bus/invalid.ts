import { ServiceError } from '#lib/errors.ts';

/** @param path The field that is wrong, for programs. */
export function invalid(path: string, message: string): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', message, { metadata: { path } });
}
