-- Of the users in a JSON array of numbers, those who got the welcome mail.
-- Locks: none. Index: the primary key.
SELECT id, name, email FROM users
WHERE id IN (SELECT value FROM json_each(?1)) AND greeted
ORDER BY id
