/** One payload and the options of `mcp2 publish` as the event that is published. Pure. */
import { decodeText } from '#lib/capability/parameter-value.ts';
import type { PublishOptions } from '#sdk/client/index.ts';
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
  readonly place: string | undefined;
}
