/** The tables of the contract, in words that both engines read. */
export const TABLES: readonly string[] = [
  'CREATE TABLE stock (sku text PRIMARY KEY, warehouse text, quantity integer NOT NULL CHECK (quantity >= 0))',
  "INSERT INTO stock VALUES ('pear', 'NY', 3), ('plum', 'NY', 4), ('fig', 'LA', 5)",
  'CREATE TABLE orders (id text PRIMARY KEY, quantity integer)',
  'CREATE TABLE numbers (n integer PRIMARY KEY)',
  'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO numbers SELECT i FROM n',
];

/** Runs for longer than any test. */
export const ENDLESS =
  'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n WHERE i < 0';
