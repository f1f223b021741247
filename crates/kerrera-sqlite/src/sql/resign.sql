-- Purpose: gives a seat up.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_leaders
SET expires_at = :now
WHERE name = :name AND holder = :holder AND term = :term
