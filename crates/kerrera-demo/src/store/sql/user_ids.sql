-- The numbers of all users, in order.
-- Locks: none. Index: the primary key.
SELECT id FROM users ORDER BY id
