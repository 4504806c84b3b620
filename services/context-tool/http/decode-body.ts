/**
 * Bodies as they were before compression, never larger than they may be: a few kilobytes on the wire can be gigabytes
 * after it, so the limit counts what comes out.
 */

import { promisify } from 'node:util';
import { brotliDecompress, gunzip, type InputType, inflate, inflateRaw, type ZlibOptions } from 'node:zlib';
import { HttpFailure } from './failure.ts';

/** For "accept-encoding". */
export const ENCODINGS = 'gzip, deflate, br';

/** The compression method of the zlib format (RFC 1950 Section 2.2). */
const Z_DEFLATED = 8;

const DECODERS: ReadonlyMap<string, (body: Buffer, maxBytes: number) => Promise<Buffer>> = new Map([
  ['gzip', (body, maxOutputLength) => promisify(gunzip)(body, { maxOutputLength })],
  ['x-gzip', (body, maxOutputLength) => promisify(gunzip)(body, { maxOutputLength })],
  ['br', (body, maxOutputLength) => promisify(brotliDecompress)(body, { maxOutputLength })],
  ['deflate', decodeDeflate],
]);

/** Incompressible data grows a little when it is compressed. */
export function maxWireBytes(maxBytes: number): number {
  return maxBytes + Math.ceil(maxBytes / 64) + 1_024;
}

/** @throws HttpFailure too-large, or broken for an encoding that we did not ask for and for bytes that are not of it */
export async function decodeBody(body: Buffer, encoding: string | undefined, maxBytes: number): Promise<Buffer> {
  const name = (encoding ?? '').trim().toLowerCase();
  const after = { sent: true, answered: true };
  if (name === '' || name === 'identity' || body.length === 0) {
    if (body.length > maxBytes) throw new HttpFailure('too-large', after);
    return body;
  }
  const decode = DECODERS.get(name);
  if (decode === undefined) {
    throw new HttpFailure('broken', { ...after, detail: 'the answer is encoded in a way that was not asked for' });
  }
  try {
    return await decode(body, maxBytes);
  } catch (cause) {
    const isTooLarge = cause instanceof RangeError && 'code' in cause && cause.code === 'ERR_BUFFER_TOO_LARGE';
    throw new HttpFailure(isTooLarge ? 'too-large' : 'broken', { ...after, cause });
  }
}

/** "deflate" is the zlib format (RFC 9110 Section 8.4.1.2), but some servers send it bare; its first byte tells. */
function decodeDeflate(body: Buffer, maxOutputLength: number): Promise<Buffer> {
  const isZlib = (body.readUInt8(0) & 0x0f) === Z_DEFLATED;
  return promisify<InputType, ZlibOptions, Buffer>(isZlib ? inflate : inflateRaw)(body, { maxOutputLength });
}
