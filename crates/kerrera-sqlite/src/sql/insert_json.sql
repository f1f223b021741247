-- Purpose: inserts the jobs of a JSON object {"now_us", "jobs"}, and gives them back as JSON objects
--          in the order of the list. The time is there for a manual clock only.
-- Locks:   the write lock of the file, until the transaction ends.
-- Index:   adds to one of the partial indexes.
WITH clock (now) AS (
    SELECT coalesce(?1 ->> 'now_us', CAST(round(unixepoch('subsec') * 1000000) AS INTEGER))
)
INSERT INTO oban_jobs
    (state, queue, worker, args, meta, tags, max_attempts, priority, inserted_at, scheduled_at)
SELECT
    job.value ->> 'state',
    job.value ->> 'queue',
    job.value ->> 'worker',
    job.value -> 'args',
    job.value -> 'meta',
    job.value -> 'tags',
    job.value ->> 'max_attempts',
    job.value ->> 'priority',
    clock.now,
    -- The last is the end of the year 9999.
    min(coalesce(job.value ->> 'at_us', clock.now + coalesce(job.value ->> 'wait_us', 0)),
        253402300799999999)
FROM clock, json_each(?1, '$.jobs') AS job
ORDER BY job.key
RETURNING {job}
