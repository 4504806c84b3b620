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

-- What the inventory tells others: a row for each article whose stock falls below 10, in the same transaction as the change.
-- The server publishes the rows as events, in the order of their ids, and deletes them.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  topic text NOT NULL,
  payload jsonb NOT NULL,
  content_type text NOT NULL DEFAULT 'application/json',
  failure text
);

CREATE FUNCTION tell_low_stock() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE left_in_stock bigint;
BEGIN
  -- One change of an article at a time, to its commit: ids are then in the order in which changes become visible.
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.sku, 0));
  SELECT sum(quantity) INTO left_in_stock FROM stock WHERE sku = NEW.sku;
  IF left_in_stock < 10 AND left_in_stock + OLD.quantity - NEW.quantity >= 10 THEN
    INSERT INTO outbox (topic, payload)
    VALUES ('inventory:' || NEW.sku || ':low_stock', jsonb_build_object('current_stock', left_in_stock, 'timestamp', now()));
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER stock_is_low AFTER UPDATE OF quantity ON stock FOR EACH ROW
  WHEN (NEW.quantity < OLD.quantity) EXECUTE FUNCTION tell_low_stock();
