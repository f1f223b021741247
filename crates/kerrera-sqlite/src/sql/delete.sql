-- Purpose: removes a job.
-- Locks:   the write lock of the file, under which the row was read.
-- Index:   the primary key.
DELETE FROM oban_jobs WHERE id = :id
