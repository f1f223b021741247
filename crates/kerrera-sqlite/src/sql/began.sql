-- Purpose: writes back when an attempt really began.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE oban_jobs
SET attempted_at = :began
WHERE id = :id
