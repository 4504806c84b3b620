-- Two roles with no more rights than they need. Run it after schema.sql, as the owner of the database and a superuser, with
-- passwords of yours: psql -v reader_password=… -v writer_password=…

-- For reading: contexts, from a replica or from the primary.
CREATE ROLE inventory_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'reader_password';
ALTER ROLE inventory_reader SET default_transaction_read_only = on;
ALTER ROLE inventory_reader SET statement_timeout = '30s';

-- For the primary: the same, what reserve_stock changes, and the rows that become events.
CREATE ROLE inventory_writer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'writer_password';
ALTER ROLE inventory_writer SET statement_timeout = '30s';

-- Nobody makes tables, and temporary ones neither: those may be written to in a read-only transaction.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DO $$ BEGIN EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database()); END $$;
-- Large objects may be written to in a read-only transaction before PostgreSQL 16.
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea),
  lo_unlink(oid), lo_truncate(integer, integer), lo_truncate64(integer, bigint), lowrite(integer, bytea) FROM PUBLIC;

GRANT USAGE ON SCHEMA public TO inventory_reader, inventory_writer;
GRANT SELECT ON products, stock TO inventory_reader, inventory_writer;
GRANT UPDATE (quantity) ON stock TO inventory_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON mcp2_idempotency, outbox TO inventory_writer;
