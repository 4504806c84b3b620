/** A tool module for tests: loads a package from the node_modules above it, with a native addon in it. */
import { createRequire } from 'node:module';

export default ({ addon }) => ({ loaded: typeof createRequire(import.meta.url)(addon) === 'object' });
