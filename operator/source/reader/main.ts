/** The reading thread: started by `ResourceReader`, one request after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { readSchema } from '#lib/schema/schema.ts';
import { createMcp2ServerParser } from '../../server/resource.ts';
import { readResources } from '../resource-file.ts';
import type { ReaderData, ReaderMessage, ReaderRequest } from './messages.ts';
import { listFiles, readFileAt } from './read-file.ts';

const { definition } = workerData as ReaderData;
const parse = createMcp2ServerParser(readSchema(definition));
const say = (message: ReaderMessage) => parentPort?.postMessage(message);

parentPort?.on('message', (request: ReaderRequest) => {
  try {
    if ('list' in request) say({ names: listFiles(request.list) });
    else if ('file' in request) say({ answer: readFileAt(request.file, parse, (began) => say({ began })) });
    else say({ read: readResources(request.text.name, request.text.text, parse, request.text.options) });
  } catch (error) {
    say({ failed: error instanceof Error ? error.message : String(error) });
  }
});
say({ ready: true });
