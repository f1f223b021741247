-- Purpose: writes a move that was decided from the row as it stands.
-- Locks:   the write lock of the file, under which the row was read.
-- Index:   the primary key; the job leaves one partial index and enters at most one.
UPDATE oban_jobs
SET state = :state,
    attempt = :attempt,
    max_attempts = :max_attempts,
    scheduled_at = coalesce(:scheduled_at, scheduled_at),
    completed_at = CASE :stamp WHEN 'completed' THEN :now WHEN 'clear' THEN NULL ELSE completed_at END,
    discarded_at = CASE :stamp WHEN 'discarded' THEN :now WHEN 'clear' THEN NULL ELSE discarded_at END,
    cancelled_at = CASE :stamp WHEN 'cancelled' THEN :now WHEN 'clear' THEN NULL ELSE cancelled_at END
WHERE id = :id
