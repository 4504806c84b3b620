import { startPostgresRpc } from './postgres-rpc-engine.ts';
import { describeRpcs } from './rpc-contract.ts';

describeRpcs('the RPCs on PostgreSQL with a streaming standby', () => startPostgresRpc('directly'));
