-- Purpose: completes a job.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE oban_jobs SET state = 'completed', completed_at = ?2 WHERE id = ?1
