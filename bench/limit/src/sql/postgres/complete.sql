-- Completes jobs.
-- Locks: the rows. Index: the primary key.
UPDATE oban_jobs
SET state = 'completed', completed_at = timezone('UTC', now())
WHERE id = ANY ($1::bigint[])
