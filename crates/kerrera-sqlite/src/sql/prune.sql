-- Purpose: deletes jobs that were found old.
-- Locks:   the write lock of the file, under which they were looked at.
-- Index:   the primary key.
DELETE FROM oban_jobs
WHERE id IN (SELECT value FROM json_each(:jobs))
