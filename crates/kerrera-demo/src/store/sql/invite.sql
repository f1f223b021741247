-- Makes an invitation.
-- Locks: the new row. Index: the primary key.
INSERT INTO invitations (code, places) VALUES ($1, $2)
