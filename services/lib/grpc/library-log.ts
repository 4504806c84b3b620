/**
 * grpc-js writes to stderr by itself, and not only its own words: metadata that it cannot take is printed whole, and a
 * caller's credential is metadata. What is worth a line in a log reaches us as an error anyway.
 */
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';

/** For the whole process: the library knows no other way. */
export function silenceLibrary(): void {
  setLogVerbosity(logVerbosity.NONE);
}
