CREATE TABLE stock (sku TEXT, warehouse TEXT, quantity INTEGER);
