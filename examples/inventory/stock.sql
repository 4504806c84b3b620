INSERT INTO stock VALUES ('prod_12345', 'NY', 30);
