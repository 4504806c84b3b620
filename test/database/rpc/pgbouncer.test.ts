import { startPostgresRpc } from './postgres-rpc-engine.ts';
import { describeRpcs } from './rpc-contract.ts';

describeRpcs('the RPCs on the same behind PgBouncer in transaction mode', () => startPostgresRpc('pgbouncer'));
