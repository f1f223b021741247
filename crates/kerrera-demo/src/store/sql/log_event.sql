-- Keeps an event, unless it has been kept under this key.
-- Locks: the new row. Index: the primary key.
INSERT INTO analytics (key, event, user_id) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING
