-- Stores a user, unless the address is taken; gives back the number.
-- Locks: the new row, to the end of the transaction. Index: users_email_key.
INSERT INTO users (name, email, request_id) VALUES ($1, $2, $3)
ON CONFLICT (email) DO NOTHING
RETURNING id
