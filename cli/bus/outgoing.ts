/** One payload and the options of `mcp2 publish` as the event that is published. Pure. */
import { decodeText } from '#lib/capability/parameter-value.ts';
import { quoted } from '#lib/printable.ts';
import { type CloudEvent, fromCloudEvent, type PublishOptions } from '#sdk/client/index.ts';
import { CommandFailed } from '../failure.ts';
import type { Payload } from './payloads.ts';

export interface PublishSettings {
  readonly id?: string;
  readonly contentType?: string;
  readonly attribute?: Readonly<Record<string, string>>;
  readonly expectedLastSequence?: number;
  readonly cloudevents?: 'structured' | 'binary';
}

export interface Outgoing extends Pick<PublishOptions, 'id' | 'contentType' | 'attributes' | 'expectedLastSequence'> {
  readonly payload: Uint8Array;
  /** See Payload. */
  readonly place: string | undefined;
}

/** Section 1.2 of the JSON format of CloudEvents. */
const STRUCTURED_TYPE = 'application/cloudevents+json';

/** @throws CommandFailed for a payload that should be a CloudEvent and is none */
export function toOutgoing(topic: string, payload: Payload, settings: PublishSettings): Outgoing {
  const { contentType, attribute = {}, expectedLastSequence, cloudevents: mode } = settings;
  const { place, bytes } = payload;
  const id =
    settings.id === undefined ? undefined : place === undefined ? settings.id : `${settings.id}/${payload.key}`;
  const about = { place, id, expectedLastSequence };
  if (mode === undefined) return { ...about, payload: bytes, contentType, attributes: attribute };
  try {
    const inner = fromText(bytes, topic, mode);
    const attributes = { ...inner.attributes, ...attribute };
    return { ...about, ...inner, id: id ?? inner.id, attributes };
  } catch (error) {
    const why = error instanceof SyntaxError ? 'it is no JSON' : error instanceof TypeError ? error.message : undefined;
    if (why === undefined) throw error;
    const where = place === undefined ? '' : `${place}: `;
    throw new CommandFailed(`${where}the payload is no CloudEvent: ${why}`, { cause: error });
  }
}

/** @throws TypeError, SyntaxError */
function fromText(
  bytes: Buffer,
  topic: string,
  mode: 'structured' | 'binary',
): Pick<Outgoing, 'id' | 'payload' | 'contentType' | 'attributes'> {
  const text = decodeText(bytes);
  if (text === undefined) throw new SyntaxError();
  const event: unknown = JSON.parse(text);
  if (typeof event !== 'object' || event === null) throw new TypeError('it is no JSON object');
  const { subject } = event as CloudEvent;
  const { payload, options } = fromCloudEvent({ ...(event as CloudEvent), subject: topic });
  const { id } = options;
  if (mode === 'structured') return { id, payload: bytes, contentType: STRUCTURED_TYPE, attributes: {} };
  if (subject !== undefined && subject !== topic) {
    const advice = 'its subject would be lost, since the topic takes its place; --cloudevents structured keeps it';
    throw new TypeError(`${advice} (${quoted(String(subject))})`);
  }
  return { id, payload, contentType: options.contentType, attributes: options.attributes };
}
