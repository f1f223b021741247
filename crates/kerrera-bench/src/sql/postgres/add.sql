-- Fills in available jobs, as an insertion by Kerrera leaves them.
-- Locks: those of an insertion. Index: none is read.
INSERT INTO oban_jobs (queue, worker, args, priority, inserted_at, scheduled_at)
SELECT
    $1::text || CASE WHEN $2::bigint = 1 THEN '' ELSE '_' || (n % $2::bigint) END,
    $3::text,
    -- One that only waits is not counted.
    jsonb_build_object('n', CASE WHEN $4::int = 0 THEN n ELSE -1 END),
    $4::int,
    timezone('UTC', clock_timestamp()),
    timezone('UTC', now())
FROM generate_series($5::bigint, $6::bigint) AS n
