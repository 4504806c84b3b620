import { describeDatabase } from './contract/contract.ts';
import { startSqliteEngine } from './sqlite-engine.ts';

describeDatabase('SQLite', startSqliteEngine);
