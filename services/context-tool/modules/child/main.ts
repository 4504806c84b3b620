/**
 * The entry file of a child process that runs one tool module. The file that starts it (`../command.ts`) names it with its
 * own extension: `.ts` in a checkout, `.js` in the published package.
 */
import { serveModule } from './runner.ts';

serveModule(process, (code) => process.exit(code));
