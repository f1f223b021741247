-- A part of other statements: w, the queues in which jobs are available, and a null at its end.
-- Locks: none. Index: kerrera_jobs_available_index (or Oban's compound one), one look a queue.
WITH RECURSIVE w AS (
    (
        SELECT a.queue
        FROM {schema}.oban_jobs AS a
        WHERE a.state = 'available'
        ORDER BY a.queue
        LIMIT 1
    )
    UNION ALL
    SELECT (
        SELECT a.queue
        FROM {schema}.oban_jobs AS a
        WHERE a.state = 'available' AND a.queue > w.queue
        ORDER BY a.queue
        LIMIT 1
    )
    FROM w
    WHERE w.queue IS NOT NULL
)
