import { describeDatabase } from './contract/contract.ts';
import { startPostgresEngine } from './postgres-engine.ts';

describeDatabase('PostgreSQL behind PgBouncer in transaction mode', () => startPostgresEngine('pgbouncer'));
