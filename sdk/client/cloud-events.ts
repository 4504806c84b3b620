/**
 * Events as CloudEvents 1.0 and back (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md). Pure; the bus
 * knows nothing of it.
 *
 * id is the event's id, source its publisher, subject its topic. What else a CloudEvent says stands in attributes `ce-<name>`.
 * Source and publisher are the bus' word, which a publisher cannot choose: the source that it gave becomes the extension
 * `originsource`.
 */
import { decodeText } from '#lib/capability/parameter-value.ts';
import type { PublishOptions } from './event-request.ts';
import type { ReceivedEvent } from './received-event.ts';

/** The JSON format; an instance of the npm package `cloudevents` is one, too. */
export interface CloudEvent {
  readonly specversion: string;
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string | undefined;
  /** RFC 3339. */
  readonly time?: string | undefined;
  readonly datacontenttype?: string | undefined;
  readonly data?: unknown;
  readonly data_base64?: string | undefined;
  /** Extensions. */
  readonly [name: string]: unknown;
}

/** Attributes as headers, the data as it is: the binary mode of the HTTP binding. */
export interface CloudEventMessage {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

export interface PublishableEvent {
  readonly topic: string;
  readonly payload: Buffer;
  readonly options: Required<Pick<PublishOptions, 'id' | 'attributes'>> & Pick<PublishOptions, 'contentType'>;
}

type Source = Pick<
  ReceivedEvent,
  'topic' | 'payload' | 'sequence' | 'id' | 'publishedAtMs' | 'publisher' | 'contentType' | 'attributes'
>;

const VERSION = '1.0';
const DEFAULT_TYPE = 'mcp2.event';
const PREFIX = 'ce-';
/** CloudEvents Section "Naming Conventions"; 20 characters are asked for, not required. */
const ATTRIBUTE_NAME = /^[a-z0-9]{1,57}$/;
const JSON_TYPE = /^[^;]*[/+]json\s*(?:;|$)/i;
const TEXT_TYPE = /^text\//i;
const STRUCTURED_TYPE = /^application\/cloudevents\+json\s*(?:;|$)/i;
/** Members of a CloudEvent that are no attribute of their own here. */
const PLACED: readonly string[] = ['specversion', 'id', 'subject', 'datacontenttype', 'data', 'data_base64'];
/** Attributes that the bus' own facts stand for. */
const ANSWERED: readonly string[] = ['specversion', 'id', 'source', 'subject', 'sequence', 'datacontenttype'];

/** "structured": one JSON object. "binary": headers and body, as the HTTP binding has them. */
export function toCloudEvent(event: Source, mode: 'structured'): CloudEvent;
export function toCloudEvent(event: Source, mode: 'binary'): CloudEventMessage & { readonly body: Buffer };
export function toCloudEvent(event: Source, mode: 'structured' | 'binary'): CloudEvent | CloudEventMessage {
  const inner = structuredInside(event);
  const { payload, contentType, attributes } = inner ?? event;
  const described = { ...attributesOf(attributes, event), ...factsOf(event, attributes) };
  if (mode === 'structured') {
    return {
      ...described,
      ...(contentType === '' ? {} : { datacontenttype: contentType }),
      ...dataOf(payload, contentType),
    } as CloudEvent;
  }
  const headers = Object.entries(described).map(([name, value]) => [`${PREFIX}${name}`, toHeader(value)] as const);
  const type = contentType === '' ? [] : [['content-type', contentType] as const];
  return { headers: Object.fromEntries([...headers, ...type]), body: payload };
}

/**
 * What to publish for a CloudEvent, as JSON or as headers and body: its subject is the topic.
 *
 * @throws TypeError for what is no CloudEvent 1.0, or has no subject
 */
export function fromCloudEvent(cloudEvent: CloudEvent | CloudEventMessage): PublishableEvent {
  const event = isMessage(cloudEvent) ? fromMessage(cloudEvent) : cloudEvent;
  const { specversion, id, source, type, subject, datacontenttype } = event;
  if (specversion !== VERSION) throw new TypeError(`specversion must be "${VERSION}"`);
  for (const [name, value] of Object.entries({ id, source, type })) requireText(name, value);
  requireText('subject', subject, ', since the subject is the topic');
  const { payload, contentType } = payloadOf(event);
  const named = Object.entries(event).filter(([name, value]) => !PLACED.includes(name) && isSaid(value));
  const attributes = Object.fromEntries(named.map(([name, value]) => [`${PREFIX}${requireName(name)}`, toText(value)]));
  const stated = datacontenttype ?? contentType;
  return { topic: subject as string, payload, options: { id, contentType: stated, attributes } };
}

/** What the bus says of it. */
function factsOf({ topic, sequence, id, publisher }: Source, attributes: Source['attributes']): Record<string, string> {
  const origin = attributes[`${PREFIX}source`];
  return {
    specversion: VERSION,
    id: id === '' ? `${topic}#${sequence}` : id,
    source: publisher,
    subject: topic,
    sequence: String(sequence),
    ...(origin === undefined || origin === publisher ? {} : { originsource: origin }),
  };
}

/** What its publisher says of it. */
function attributesOf(attributes: Source['attributes'], { publishedAtMs }: Source): Record<string, string> {
  const said = Object.entries(attributes).flatMap(([key, value]) => {
    const name = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : '';
    return ATTRIBUTE_NAME.test(name) && !ANSWERED.includes(name) && !PLACED.includes(name)
      ? [[name, value] as const]
      : [];
  });
  return { type: DEFAULT_TYPE, time: new Date(publishedAtMs).toISOString(), ...Object.fromEntries(said) };
}

/** An event whose payload is a CloudEvent itself; undefined for any other, and for one that is none. */
function structuredInside({
  payload,
  contentType,
}: Source): Pick<Source, 'payload' | 'contentType' | 'attributes'> | undefined {
  if (!STRUCTURED_TYPE.test(contentType)) return undefined;
  try {
    const event = JSON.parse(payload.toString('utf8')) as CloudEvent;
    const { payload: inner, options } = fromCloudEvent({ ...event, subject: event.subject || 'none' });
    return { payload: inner, contentType: options.contentType ?? '', attributes: options.attributes ?? {} };
  } catch {
    return undefined;
  }
}

/** JSON format Section 3.1: JSON as a value, a text as a string, anything else in base64. */
function dataOf(payload: Buffer, contentType: string): Pick<CloudEvent, 'data' | 'data_base64'> {
  if (payload.length === 0) return {};
  const text = JSON_TYPE.test(contentType) || TEXT_TYPE.test(contentType) ? decodeText(payload) : undefined;
  if (text === undefined) return { data_base64: payload.toString('base64') };
  if (!JSON_TYPE.test(contentType)) return { data: text };
  try {
    return { data: JSON.parse(text) as unknown };
  } catch {
    return { data_base64: payload.toString('base64') };
  }
}

function payloadOf({ data, data_base64, datacontenttype }: CloudEvent): {
  payload: Buffer;
  contentType: string | undefined;
} {
  if (data instanceof Uint8Array) return { payload: Buffer.from(data), contentType: undefined };
  if (data_base64 !== undefined) return { payload: Buffer.from(data_base64, 'base64'), contentType: undefined };
  if (data === undefined) return { payload: Buffer.alloc(0), contentType: undefined };
  if (typeof data === 'string' && datacontenttype !== undefined && !JSON_TYPE.test(datacontenttype)) {
    return { payload: Buffer.from(data, 'utf8'), contentType: undefined };
  }
  // JSON format Section 3.1: what states no type is JSON.
  return { payload: Buffer.from(JSON.stringify(data), 'utf8'), contentType: 'application/json' };
}

function isMessage(event: CloudEvent | CloudEventMessage): event is CloudEventMessage {
  return 'headers' in event && typeof event.headers === 'object' && event.headers !== null && !('specversion' in event);
}

function fromMessage({ headers, body }: CloudEventMessage): CloudEvent {
  const lower = Object.entries(headers).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name.toLowerCase(), value] as const] : [],
  );
  const type = lower.find(([name]) => name === 'content-type')?.[1];
  if (type !== undefined && STRUCTURED_TYPE.test(type)) return JSON.parse(bytesOf(body).toString('utf8')) as CloudEvent;
  const named = lower.filter(([name]) => name.startsWith(PREFIX));
  const attributes = named.map(([name, value]) => [name.slice(PREFIX.length), fromHeader(value)] as const);
  const data = body === undefined || body === null ? {} : { data: bytesOf(body) };
  return {
    ...Object.fromEntries(attributes),
    ...(type === undefined ? {} : { datacontenttype: type }),
    ...data,
  } as CloudEvent;
}

function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body);
  return Buffer.from(typeof body === 'string' ? body : (JSON.stringify(body) ?? ''), 'utf8');
}

function requireText(name: string, value: unknown, why = ''): void {
  if (typeof value !== 'string' || value === '') throw new TypeError(`a CloudEvent needs ${name}${why}`);
}

function requireName(name: string): string {
  if (ATTRIBUTE_NAME.test(name)) return name;
  throw new TypeError(`a CloudEvent's attribute has a name of a-z and 0-9, not ${JSON.stringify(name.slice(0, 64))}`);
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && typeof value !== 'function';
}

/** CloudEvents Section "Type System". */
function toText(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new TypeError("a CloudEvent's attribute is a text, a number, true or false, or bytes");
}

/** HTTP binding Section 3.1.3.2: printable ASCII but space, `"` and `%`; the rest as UTF-8 in percent-encoding. */
function toHeader(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()));
}

function fromHeader(value: string): string {
  try {
    return decodeURIComponent(value.replace(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    return value;
  }
}
