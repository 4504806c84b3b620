-- The answers of calls with an idempotency key, for 10 minutes. Once for each database with tools; the role of the tools
-- needs SELECT, INSERT, UPDATE and DELETE on it.
CREATE TABLE mcp2_idempotency (
  id text PRIMARY KEY,
  arguments_hash text NOT NULL,
  answer text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mcp2_idempotency_created_at ON mcp2_idempotency (created_at);
