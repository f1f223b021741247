-- How many jobs there are in each queue and state that an index has, counting no further than $1 for
-- each; or than twice that for the two states that share an index, of which it cannot be told
-- beforehand which is the larger one. The third column says whether counting ended before the jobs did.
-- Locks: none. Index: kerrera_jobs_available_index, kerrera_jobs_due_index,
-- kerrera_jobs_executing_index, kerrera_jobs_discarded_index, kerrera_jobs_cancelled_index (or Oban's
-- compound one).
{queues_with_jobs},
due AS MATERIALIZED (
    SELECT j.queue, j.state
    FROM {schema}.oban_jobs AS j
    WHERE j.state IN ('scheduled', 'retryable')
    LIMIT 2 * $1::bigint + 1
)
SELECT w.queue, 'available', c.jobs, c.jobs > $1::bigint
FROM w
CROSS JOIN LATERAL (
    SELECT count(*) AS jobs
    FROM (
        SELECT FROM {schema}.oban_jobs AS j
        WHERE j.state = 'available' AND j.queue = w.queue
        LIMIT $1::bigint + 1
    ) AS one
) AS c
WHERE w.queue IS NOT NULL
UNION ALL
SELECT d.queue, d.state::text, count(*), (SELECT count(*) > 2 * $1::bigint FROM due)
FROM due AS d
GROUP BY d.queue, d.state
UNION ALL
SELECT f.queue, f.state, count(*), sum(count(*)) OVER (PARTITION BY f.state) > $1::bigint
FROM (
    (
        SELECT j.queue, 'executing' AS state
        FROM {schema}.oban_jobs AS j
        WHERE j.state = 'executing'
        LIMIT $1::bigint + 1
    )
    UNION ALL
    (
        SELECT j.queue, 'discarded'
        FROM {schema}.oban_jobs AS j
        WHERE j.state = 'discarded'
        LIMIT $1::bigint + 1
    )
    UNION ALL
    (
        SELECT j.queue, 'cancelled'
        FROM {schema}.oban_jobs AS j
        WHERE j.state = 'cancelled'
        LIMIT $1::bigint + 1
    )
) AS f
GROUP BY f.queue, f.state
