-- A user by number.
-- Locks: none. Index: the primary key.
SELECT id, name, email FROM users WHERE id = $1
