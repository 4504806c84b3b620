/**
 * `pg` alone behind grpc-js: one query a call, with the same pool size as the product's side and nothing of mcp2. Its one
 * argument is a PgServerConfig as JSON. Prints "listening on PORT".
 */
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import pg from 'pg';
import { loadServices } from '#protos/load.ts';
import { CONNECTIONS } from './tools-database.ts';

export interface PgServerConfig {
  readonly databaseUrl: string;
  /** Inside of BEGIN READ ONLY with a time limit, and COMMIT, as the product does it; or the query alone. */
  readonly transaction: boolean;
}

const TEXT = 'SELECT quantity FROM stock WHERE sku = $1';

async function query(pool: pg.Pool, sku: string, transaction: boolean): Promise<Buffer> {
  const client = await pool.connect();
  try {
    if (transaction) await client.query('BEGIN READ ONLY; SET LOCAL statement_timeout = 5000');
    const { rows } = await client.query<{ quantity: number }>(TEXT, [sku]);
    if (transaction) await client.query('COMMIT');
    return Buffer.from(JSON.stringify(rows[0]?.quantity));
  } finally {
    client.release();
  }
}

function main({ databaseUrl, transaction }: PgServerConfig): void {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: CONNECTIONS });
  const { ContextTool } = loadServices();
  const server = new Server({ 'grpc.enable_channelz': 0 });
  type Request = { readonly request: { readonly context_key: string } };
  type Respond = (error: Error | null, answer?: object) => void;
  server.addService({ RequestContext: ContextTool.RequestContext } as unknown as ServiceDefinition, {
    RequestContext({ request }: Request, respond: Respond) {
      const sku = request.context_key.split(':')[1] ?? '';
      query(pool, sku, transaction).then(
        (value) => respond(null, { serialized_value: value, content_type: 'application/json' }),
        (error: Error) => respond(error),
      );
    },
  });
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    console.log(`listening on ${port}`);
  });
}

if (import.meta.main) main(JSON.parse(process.argv[2] ?? '{}') as PgServerConfig);
