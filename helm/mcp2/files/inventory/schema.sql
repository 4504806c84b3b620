-- The inventory as SQLite keeps it. Runs once, when the file does not exist.
CREATE TABLE products (
  sku TEXT PRIMARY KEY,
  list_price_cents INTEGER NOT NULL CHECK (list_price_cents >= 0)
) STRICT;

CREATE TABLE stock (
  sku TEXT NOT NULL REFERENCES products (sku),
  warehouse TEXT NOT NULL,
  quantity INTEGER NOT NULL CHECK (quantity >= 0),
  PRIMARY KEY (sku, warehouse)
) STRICT;
