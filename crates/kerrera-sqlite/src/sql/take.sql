-- Purpose: takes the jobs that a claim found for its producer, under one token. What it needs of them
--          was read before: to be given rows back costs more, for SQLite makes a table of them first.
-- Locks:   the write lock of the file, under which the jobs were found.
-- Index:   the primary key; the jobs leave one partial index and enter another.
UPDATE oban_jobs
SET state = 'executing',
    attempt = attempt + 1,
    attempted_at = ?2,
    attempted_by = ?3
WHERE id IN rarray(?1)
