-- Purpose: forgets a claim.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
DELETE FROM kerrera_unique WHERE key = :key AND turn = :turn
