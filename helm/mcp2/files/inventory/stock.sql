-- What is in stock at the beginning. prod_12345 and its 42 pieces are those of the MCP 2.0 proposal.
INSERT INTO products (sku, list_price_cents) VALUES
  ('prod_12345', 10000),
  ('prod_67890', 2450),
  ('prod_24680', 129900);

INSERT INTO stock (sku, warehouse, quantity) VALUES
  ('prod_12345', 'NY', 30),
  ('prod_12345', 'SF', 12),
  ('prod_67890', 'NY', 7),
  ('prod_24680', 'NY', 0),
  ('prod_24680', 'SF', 3);
