/** Imports the client as a program would, and prints every file that Node loaded for it. */
import { registerHooks } from 'node:module';

if (import.meta.main) {
  const loaded: string[] = [];
  registerHooks({
    load(url, context, next) {
      if (url.startsWith('file:')) loaded.push(new URL(url).pathname);
      return next(url, context);
    },
  });
  const { connect, loadServices } = await import('#sdk/client/index.ts');
  // What is only loaded when it is used counts as well.
  loadServices();
  using mcp2 = await connect({ registry: '127.0.0.1:1', token: 'a token' });
  await mcp2.lookup({}, { failFast: true }).catch(() => undefined);
  process.stdout.write(JSON.stringify(loaded));
}
