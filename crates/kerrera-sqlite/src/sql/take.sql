-- Purpose: takes a job for a producer, under one token. One statement for all of them costs more: it
--          makes tables of their numbers, and of what it returns.
-- Locks:   the write lock of the file, under which the job was found.
-- Index:   the primary key; the job leaves one partial index and enters another.
UPDATE oban_jobs
SET state = 'executing',
    attempt = attempt + 1,
    attempted_at = ?2,
    attempted_by = ?3
WHERE id = ?1
