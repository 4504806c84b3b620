// A server as README shows it, in a process of its own: it says its port, and closes when its input ends.
import { createServer } from 'mcp2/server';

const server = createServer({ name: 'Db_TenLines', version: '1.0.0' });
server.context('inventory:{sku}', {}, ({ sku }) => ({ sku, units: 42 }));
server.tool(
  'add',
  { input: { type: 'object', properties: { a: { type: 'number' }, b: { type: 'number' } }, required: ['a', 'b'] } },
  ({ a, b }) => ({ sum: a + b }),
);
const { port } = await server.listen('127.0.0.1:0', { ops: process.env.OPS });
console.log(port);
if (process.env.REGISTER !== undefined) await server.register({ registry: process.env.REGISTER });
console.log('ready');
process.stdin.resume().once('end', () => server.close());
