-- A part of other statements: pair, the queues and priorities of which jobs are available, each with the
-- time of its oldest job.
-- Locks: none. Index: kerrera_jobs_available_index (or Oban's compound one), one look a pair.
WITH RECURSIVE pair AS (
    (
        SELECT a.queue, a.priority, a.scheduled_at
        FROM {schema}.oban_jobs AS a
        WHERE a.state = 'available'
        ORDER BY a.queue, a.priority, a.scheduled_at
        LIMIT 1
    )
    UNION ALL
    SELECT n.queue, n.priority, n.scheduled_at
    FROM pair AS p
    CROSS JOIN LATERAL (
        SELECT a.queue, a.priority, a.scheduled_at
        FROM {schema}.oban_jobs AS a
        WHERE a.state = 'available' AND (a.queue, a.priority) > (p.queue, p.priority)
        ORDER BY a.queue, a.priority, a.scheduled_at
        LIMIT 1
    ) AS n
)
