-- What the inventory tells others: a row for each article whose stock falls below 10, in the same transaction as the change.
-- The server publishes the rows as events, in the order of their ids, and deletes them. AUTOINCREMENT: an id is never used
-- again, since it becomes the event's.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  payload TEXT NOT NULL,
  content_type TEXT NOT NULL DEFAULT 'application/json',
  failure TEXT
) STRICT;

CREATE TRIGGER stock_is_low AFTER UPDATE OF quantity ON stock WHEN NEW.quantity < OLD.quantity
BEGIN
  INSERT INTO outbox (topic, payload)
  SELECT
    'inventory:' || NEW.sku || ':low_stock',
    json_object('current_stock', total, 'timestamp', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
  FROM (SELECT sum(quantity) AS total FROM stock WHERE sku = NEW.sku)
  WHERE total < 10 AND total + OLD.quantity - NEW.quantity >= 10;
END;
