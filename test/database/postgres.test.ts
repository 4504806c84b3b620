import { describeDatabase } from './contract/contract.ts';
import { startPostgresEngine } from './postgres-engine.ts';

describeDatabase('PostgreSQL with a streaming standby', () => startPostgresEngine('directly'));
