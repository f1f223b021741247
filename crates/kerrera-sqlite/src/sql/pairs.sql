-- Purpose: the queues and priorities of which jobs are available, each with the time of its oldest job.
-- Locks:   none.
-- Index:   kerrera_available, one look a pair.
WITH RECURSIVE pair (queue, priority) AS (
    SELECT * FROM (
        SELECT queue, priority FROM oban_jobs WHERE state = 'available'
        ORDER BY queue, priority LIMIT 1
    )
    UNION ALL
    SELECT
        coalesce(
            (SELECT pair.queue FROM oban_jobs AS a
             WHERE a.state = 'available' AND a.queue = pair.queue AND a.priority > pair.priority
             ORDER BY a.priority LIMIT 1),
            (SELECT a.queue FROM oban_jobs AS a
             WHERE a.state = 'available' AND a.queue > pair.queue
             ORDER BY a.queue LIMIT 1)
        ),
        coalesce(
            (SELECT a.priority FROM oban_jobs AS a
             WHERE a.state = 'available' AND a.queue = pair.queue AND a.priority > pair.priority
             ORDER BY a.priority LIMIT 1),
            (SELECT a.priority FROM oban_jobs AS a
             WHERE a.state = 'available' AND a.queue > pair.queue
             ORDER BY a.queue, a.priority LIMIT 1)
        )
    FROM pair
    WHERE pair.queue IS NOT NULL
)
SELECT
    pair.queue, pair.priority,
    (SELECT a.scheduled_at FROM oban_jobs AS a
     WHERE a.state = 'available' AND a.queue = pair.queue AND a.priority = pair.priority
     ORDER BY a.scheduled_at LIMIT 1)
FROM pair
WHERE pair.queue IS NOT NULL
