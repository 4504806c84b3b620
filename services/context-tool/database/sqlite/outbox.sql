-- A table whose rows become events. AUTOINCREMENT: an id is never used again, since it becomes the event's.
CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  payload ANY NOT NULL,
  content_type TEXT NOT NULL DEFAULT 'application/json',
  traceparent TEXT,
  failure TEXT
) STRICT;
CREATE INDEX outbox_to_publish ON outbox (id) WHERE failure IS NULL;
