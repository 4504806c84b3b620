-- The inventory as PostgreSQL keeps it. Run it once, as the owner of the database; then stock.sql of the folder above,
-- and roles.sql.
CREATE TABLE products (
  sku text PRIMARY KEY,
  list_price_cents integer NOT NULL CHECK (list_price_cents >= 0)
);

CREATE TABLE stock (
  sku text NOT NULL REFERENCES products (sku),
  warehouse text NOT NULL,
  quantity integer NOT NULL CHECK (quantity >= 0),
  PRIMARY KEY (sku, warehouse)
);

-- What calls with an idempotency key were answered, for 10 minutes. Every database with a tool on it needs this table.
CREATE TABLE mcp2_idempotency (
  id text PRIMARY KEY,
  arguments_hash text NOT NULL,
  answer text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX mcp2_idempotency_created_at ON mcp2_idempotency (created_at);
