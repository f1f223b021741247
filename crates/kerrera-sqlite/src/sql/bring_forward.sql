-- Purpose: makes the scheduled and retryable jobs of a queue available before their time, those that
--          are scheduled until then.
-- Locks:   the write lock of the file.
-- Index:   kerrera_due, as far as that time.
UPDATE oban_jobs
SET state = 'available'
WHERE state IN ('scheduled', 'retryable')
  AND queue = :queue
  AND scheduled_at <= :until
