import { describeRpcs } from './rpc-contract.ts';
import { startSqliteRpc } from './sqlite-rpc-engine.ts';

describeRpcs('the RPCs on SQLite', startSqliteRpc);
