-- Purpose: writes what a run left behind beside its move: meta and errors.
-- Locks:   the write lock of the file, under which the row was read.
-- Index:   the primary key.
UPDATE oban_jobs
SET meta = :meta,
    errors = :errors
WHERE id = :id
