-- Of these users, those who got the welcome mail.
-- Locks: none. Index: the primary key.
SELECT id, name, email FROM users WHERE id = ANY ($1) AND greeted ORDER BY id
