-- Purpose: replaces parts of jobs by those of unique jobs that were not inserted, as long as they are
--          in one of the given states; the state itself stays.
-- Locks:   the write lock of the file, until the transaction ends.
-- Index:   the primary key.
UPDATE oban_jobs
SET args = coalesce(job.value -> 'args', args),
    meta = coalesce(job.value -> 'meta', meta),
    tags = coalesce(job.value -> 'tags', tags),
    priority = coalesce(job.value ->> 'priority', priority),
    queue = coalesce(job.value ->> 'queue', queue),
    worker = coalesce(job.value ->> 'worker', worker),
    -- Never so few that what is left of its life breaks the table's rules.
    max_attempts = CASE
        WHEN job.value ->> 'max_attempts' IS NULL THEN max_attempts
        WHEN state IN ('available', 'scheduled', 'retryable')
            THEN max(job.value ->> 'max_attempts', attempt + 1)
        ELSE max(job.value ->> 'max_attempts', attempt)
    END,
    scheduled_at = CASE
        WHEN NOT job.value ->> 'reschedule' THEN scheduled_at
        ELSE min(
            coalesce(
                job.value ->> 'at_us',
                coalesce(?1 ->> 'now_us', CAST(round(unixepoch('subsec') * 1000000) AS INTEGER))
                    + coalesce(job.value ->> 'wait_us', 0)
            ),
            253402300799999999
        )
    END
FROM json_each(?1, '$.jobs') AS job
WHERE oban_jobs.id = job.value ->> 'id'
    AND oban_jobs.state IN (SELECT state.value FROM json_each(job.value, '$.states') AS state)
RETURNING {job}
