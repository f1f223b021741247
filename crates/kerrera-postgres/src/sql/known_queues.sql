-- The queues that somebody is known to work, has ordered something of, or has jobs for.
-- Locks: none. Index: kerrera_jobs_available_index, one look a queue, and
-- kerrera_jobs_executing_index (or Oban's compound one); the other tables have a handful of rows.
{queues_with_jobs}
SELECT k.queue
FROM (
    SELECT w.queue FROM w
    UNION
    SELECT j.queue FROM {schema}.oban_jobs AS j WHERE j.state = 'executing'
    UNION
    SELECT p.queue FROM {schema}.kerrera_producers AS p
    UNION
    SELECT q.queue FROM {schema}.kerrera_queues AS q{neighbours_queues}
) AS k
WHERE k.queue <> '*'
ORDER BY k.queue
LIMIT 1000
