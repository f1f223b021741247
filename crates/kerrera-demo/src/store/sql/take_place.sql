-- Uses an invitation once; changes no row when it has been used up.
-- Locks: the invitation, to the end of the transaction. Index: the primary key.
UPDATE invitations SET places = places - 1 WHERE code = $1 AND places > 0
