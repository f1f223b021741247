-- Some available jobs, in the order in which they are claimed or by when they may run; the conditions and
-- the orders are filled in. Of each queue and priority as many as are wanted are looked at, since the
-- index has them one after the other; the rows are read of those that are left.
-- Locks: none. Index: kerrera_jobs_available_index (or Oban's compound one); the primary key.
{available_first}
SELECT {row}
FROM {schema}.oban_jobs AS j
WHERE j.id = ANY (ARRAY(
    SELECT f.id
    FROM pair AS p
    CROSS JOIN LATERAL (
        SELECT j.id, j.priority, j.scheduled_at
        FROM {schema}.oban_jobs AS j
        WHERE j.state = 'available' AND j.queue = p.queue AND j.priority = p.priority
            AND <conditions>
        ORDER BY <inner order>
        LIMIT $1::bigint
    ) AS f
    WHERE <pairs>
    ORDER BY <outer order>
    LIMIT $1::bigint
))
ORDER BY <order>
