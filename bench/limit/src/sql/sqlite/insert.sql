-- Purpose: inserts a job.
-- Locks:   the write lock of the file.
-- Index:   none is read.
INSERT INTO oban_jobs (queue, worker, args, inserted_at, scheduled_at) VALUES (?1, ?2, ?3, ?4, ?4)
