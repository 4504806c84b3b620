/** An event of its own, published and heard, as a client of the cluster would. What it leaves is one event a check. */
import { randomUUID } from 'node:crypto';
import type { Clock } from '#lib/clock.ts';
import type { Logger } from '#lib/logger.ts';
import type { Mcp2Client } from '#sdk/client/index.ts';
import { createWait } from './wait.ts';

export interface EventCheckDependencies {
  /** Its token may publish and subscribe to the topic. */
  readonly client: Pick<Mcp2Client, 'publish' | 'subscribe'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export const EVENT_TOPIC = 'selftest:greeting';
/** Of one attempt. */
const DEADLINE_MS = 10_000;

/** @throws CheckFailed */
export async function checkEvents(
  { timeoutMs }: { readonly timeoutMs: number },
  { client, clock, log }: EventCheckDependencies,
): Promise<void> {
  const waitFor = createWait(clock, clock.monotonicMs() + timeoutMs);
  const id = randomUUID();
  let sequence = 0;
  await waitFor('the event bus to take an event', async () => {
    ({ sequence } = await client.publish(EVENT_TOPIC, id, { id, deadlineMs: DEADLINE_MS }));
    return undefined;
  });
  log.info({ topic: EVENT_TOPIC, sequence }, 'the event bus took an event');
  await waitFor('the event to arrive', () => whyNotHeard(client, sequence, id));
  log.info({}, 'it arrived');
}

async function whyNotHeard(
  client: EventCheckDependencies['client'],
  sequence: number,
  id: string,
): Promise<string | undefined> {
  const signal = AbortSignal.timeout(DEADLINE_MS);
  for await (const event of client.subscribe(EVENT_TOPIC, { from: { sequence }, deadlineMs: DEADLINE_MS, signal })) {
    return event.text() === id ? undefined : `another one has its sequence, ${sequence}`;
  }
  return 'the subscription ended without it';
}
