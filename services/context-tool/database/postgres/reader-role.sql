-- A role for contexts, which can read and cannot write: beside the read-only transaction that every read runs in.
-- Run it as a superuser of the database, with a password of yours, after idempotency.sql where there are tools too.
CREATE ROLE mcp2_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD 'choose one';
ALTER ROLE mcp2_reader SET default_transaction_read_only = on;
ALTER ROLE mcp2_reader SET statement_timeout = '30s';
-- PostgreSQL 14 and before let everybody create tables in the schema public.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- Temporary tables may be written to in a read-only transaction.
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
-- Large objects may be written to in a read-only transaction before PostgreSQL 16.
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea),
  lo_unlink(oid), lo_truncate(integer, integer), lo_truncate64(integer, bigint), lowrite(integer, bytea) FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO mcp2_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO mcp2_reader;
-- What tools answered is none of a context's business.
DO $$ BEGIN IF to_regclass('mcp2_idempotency') IS NOT NULL THEN REVOKE ALL ON mcp2_idempotency FROM mcp2_reader; END IF; END $$;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO mcp2_reader;
