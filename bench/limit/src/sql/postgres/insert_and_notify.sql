-- Inserts a job, and tells of it.
-- Locks: those of an insertion, and of its notification. Index: none is read.
WITH job AS (
    INSERT INTO oban_jobs (queue, worker, args) VALUES ($1::text, $2::text, $3::jsonb) RETURNING id
)
SELECT pg_notify('kerrera_bench', '') FROM job
