-- Purpose: ends the claims of producers that stop in good order, and removes those that run nothing:
--          what the others still run is theirs for as long as their process lives.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_producers
SET retired = 1
WHERE uuid IN (SELECT value FROM json_each(:producers))
