-- The oldest available job of each queue, and what time it is.
-- Locks: none. Index: kerrera_jobs_available_index (or Oban's compound one), one look for each queue and
-- priority.
{available_first}
SELECT
    p.queue,
    min(p.scheduled_at),
    (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
FROM pair AS p
GROUP BY p.queue
ORDER BY p.queue
