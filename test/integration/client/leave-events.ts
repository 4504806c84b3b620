/**
 * A program that publishes and subscribes, closes what it opened and has nothing else to do: prints when it closed it, never
 * calls process.exit. Arguments: the bus' address, a topic, and what it closes ("all", "client").
 */
import { connect } from '#sdk/client/index.ts';

if (import.meta.main) {
  const [eventBus = '', topic = '', what = ''] = process.argv.slice(2);
  const mcp2 = await connect({ registry: '127.0.0.1:1', eventBus });
  const events = mcp2.subscribe(topic, { durable: 'leaving', from: 'earliest' });
  const publisher = mcp2.publisher();
  const published = publisher.publish(topic, 1, { deadlineMs: 1_500 }).then(
    () => true,
    () => false,
  );
  const outcome = (await published) && (await events.next()).value?.text();
  if (what === 'all') {
    await Promise.all([events.close(), publisher.close()]);
  }
  mcp2.close();
  const closedMs = performance.now();
  process.on('exit', () => {
    process.stdout.write(JSON.stringify({ outcome, exitMs: Math.round(performance.now() - closedMs) }));
  });
}
