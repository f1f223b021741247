-- Purpose: inserts the jobs of a JSON array in a transaction of the application's, and gives them
--          back as JSON objects in the order of the array. The parameter is the array; the time is
--          replaced where the clock is a manual one.
-- Locks:   the write lock of the file, until that transaction ends.
-- Index:   adds to one of the partial indexes.
WITH clock (now) AS (
    SELECT CAST(round(unixepoch('subsec') * 1000000) AS INTEGER)
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
FROM clock, json_each(?1) AS job
ORDER BY job.key
RETURNING json_object(
    'id', id,
    'state', state,
    'queue', queue,
    'worker', worker,
    'args', json(args),
    'meta', json(meta),
    'tags', json(tags),
    'errors', json(errors),
    'attempt', attempt,
    'max_attempts', max_attempts,
    'priority', priority,
    'attempted_by', json(attempted_by),
    'inserted_at', inserted_at,
    'scheduled_at', scheduled_at,
    'attempted_at', attempted_at,
    'completed_at', completed_at,
    'discarded_at', discarded_at,
    'cancelled_at', cancelled_at
)
