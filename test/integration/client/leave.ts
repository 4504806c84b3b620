/**
 * A program that uses a client and ends by itself: prints when it closed it, never calls process.exit. Arguments: the
 * registry's address, a capability, the context's key.
 */
import { connect } from '#sdk/client/index.ts';

if (import.meta.main) {
  const [registry = '', capability = '', context_key = ''] = process.argv.slice(2);
  const mcp2 = await connect({ registry });
  const outcome = await mcp2
    .call(mcp2.services.ContextTool, 'RequestContext', { context_key }, { capability, deadlineMs: 1_000 })
    .then(
      () => 'answered',
      () => 'failed',
    );
  mcp2.close();
  const closedMs = performance.now();
  process.on('exit', () => {
    process.stdout.write(JSON.stringify({ outcome, exitMs: Math.round(performance.now() - closedMs) }));
  });
}
