/** A runtime without a database: constants, an upstream on this machine and modules, well-behaved and not. */
import type { ServerResponse } from 'node:http';
import { startRuntime, type TestRuntime } from '../../harness/context-tool-runtime.ts';
import { type SeenRequest, startUpstream, type Upstream } from '../../harness/http-upstream.ts';

export interface Sources extends AsyncDisposable {
  readonly runtime: TestRuntime;
  readonly upstream: Upstream;
}

const ONLY = 'additionalProperties: false';

const configuration = ({ origin }: Upstream) => `server: {name: Stock, version: 1.2.0}
contexts:
  - key: company:address
    description: Where it is.
    static: {text: Main Street, contentType: text/plain}
    cache: {ttl: 1m, scope: Public}
  - key: company:logo
    static: {base64: iVBORw0KGgo=, contentType: image/png}
  - key: company:facts
    static: {json: {people: 12}}
  - key: upstream:{what}
    parameters: {type: object, properties: {page: {type: integer}}, ${ONLY}}
    http: {url: "${origin}/v1/{what}?page={page}", timeout: 400ms, maxBytes: 64Ki}
  - key: nobody:{what}
    http: {url: "http://127.0.0.1:1/{what}"}
tools:
  - name: price
    description: A price for one article.
    input:
      type: object
      properties: {sku: {type: string}, pieces: {type: integer, minimum: 1, default: 1}, tags: {type: array}}
      required: [sku]
    output: {type: object, properties: {price: {type: number}}, required: [price]}
    annotations: {readOnly: true}
    module: {file: tools.mjs, export: price}
  - name: count
    module: {file: tools.mjs, export: count, processes: 1}
  - name: wrong
    output: {type: object, properties: {price: {type: number}}, required: [price]}
    module: {file: tools.mjs, export: wrong}
  - name: fail
    module: {file: tools.mjs, export: fail}
  - name: large
    module: {file: tools.mjs, export: large}
  - name: throw
    module: {file: tools.mjs, export: throws}
  - name: circle
    module: {file: tools.mjs, export: circle}
  - name: wait
    module: {file: queue.mjs, processes: 1}
  - name: loop
    module: {file: mistakes.mjs, export: loop, timeout: 500ms, memory: 64Mi}
  - name: exit
    module: {file: mistakes.mjs, export: exit, timeout: 10s, memory: 64Mi}
  - name: crash
    module: {file: mistakes.mjs, export: crash, timeout: 10s, memory: 64Mi}
  - name: memory
    module: {file: mistakes.mjs, export: memory, timeout: 10s, memory: 64Mi}
  - name: send
    input: {type: object, properties: {what: {type: string}}, required: [what]}
    http: {method: POST, url: "${origin}/v1/{what}", timeout: 400ms, body: {json: {what: "{what}"}}}
`;

const MODULES = {
  'tools.mjs': `
let runs = 0;
export const price = ({ sku, pieces }) => ({ price: 100 - pieces, sku });
export const count = () => ({ runs: ++runs });
export const wrong = () => ({ price: 'much' });
export const fail = () => { throw { name: 'ToolFailed', code: 'OUT_OF_STOCK', message: 'nothing left' }; };
export const large = () => ({ bytes: Buffer.alloc(4 * 1024 * 1024) });
export const throws = () => { throw new Error('a secret of the module'); };
export const circle = () => { const a = {}; a.a = a; return a; };
`,
  'queue.mjs': 'export default () => new Promise((resolve) => setTimeout(() => resolve({}), 20));\n',
  'mistakes.mjs': `
const kept = [];
export const loop = () => { for (;;); };
export const exit = () => process.exit(3);
export const crash = () => process.abort();
export const memory = async () => {
  for (;;) {
    kept.push(Buffer.alloc(16_000_000, 1));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
};
`,
};

export async function startSources(): Promise<Sources> {
  const upstream = await startUpstream(answer);
  const runtime = await startRuntime({ files: { 'server.yaml': configuration(upstream), ...MODULES } });
  return {
    runtime,
    upstream,
    async [Symbol.asyncDispose]() {
      await runtime[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** The path says how. */
function answer({ target, body }: SeenRequest, response: ServerResponse): void {
  const what = /^\/v1\/(\w+)/.exec(target)?.[1] ?? '';
  if (what === 'hang') return;
  if (what === 'reset') {
    response.socket?.resetAndDestroy();
  } else if (/^[45]\d\d$/.test(what)) {
    response.writeHead(Number(what), what === '429' ? { 'retry-after': '7' } : {});
    response.end('a secret of the upstream');
  } else if (what === 'big') {
    response.end(Buffer.alloc(65 * 1024));
  } else {
    response.setHeader('content-type', 'application/json; charset=utf-8');
    response.end(JSON.stringify(body === '' ? { at: target } : { got: JSON.parse(body) }));
  }
}
