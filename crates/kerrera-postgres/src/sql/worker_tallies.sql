-- How many jobs of each worker are available and executing in each queue, looking at no more than $1 and
-- one of either state; the last column says whether there were more.
-- Locks: none. Index: kerrera_jobs_available_index, kerrera_jobs_executing_index (or Oban's compound
-- one), with a look at the table for each job, for its worker.
SELECT f.queue, f.state, count(*), f.worker, sum(count(*)) OVER (PARTITION BY f.state) > $1::bigint
FROM (
    (
        SELECT j.worker, j.queue, 'available' AS state
        FROM {schema}.oban_jobs AS j
        WHERE j.state = 'available'
        LIMIT $1::bigint + 1
    )
    UNION ALL
    (
        SELECT j.worker, j.queue, 'executing'
        FROM {schema}.oban_jobs AS j
        WHERE j.state = 'executing'
        LIMIT $1::bigint + 1
    )
) AS f
GROUP BY f.worker, f.queue, f.state
