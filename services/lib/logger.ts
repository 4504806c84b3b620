/**
 * The part of a logger that everything here uses: fields first, then a constant message, so that lines can be searched.
 * `createLogger` in observe/logger.ts makes one.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  fatal(fields: object, message: string): void;
  /** The same, with these fields in every line. */
  child(fields: object): Logger;
}

const ignore = () => undefined;

/** Drops everything. */
export const silentLogger: Logger = Object.freeze({
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  fatal: ignore,
  child: () => silentLogger,
});
