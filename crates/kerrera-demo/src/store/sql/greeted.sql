-- Notes that a user got the welcome mail.
-- Locks: the user, for this statement. Index: the primary key.
UPDATE users SET greeted = TRUE WHERE id = $1
