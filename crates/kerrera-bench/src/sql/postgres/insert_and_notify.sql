-- Inserts a job and tells of it, as Oban's clients in other languages do.
-- Locks: those of an insertion, and of its notification. Index: none is read.
WITH job AS (
    INSERT INTO oban_jobs (queue, worker, args)
    VALUES ($1::text, $2::text, $3::text::jsonb)
    RETURNING queue
)
SELECT pg_notify(
    current_schema || '.oban_insert', json_build_object('queue', job.queue)::text
)
FROM job
