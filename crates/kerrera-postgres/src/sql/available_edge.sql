-- The place of the last row of a window along the available jobs; none if they end before it. What is
-- filled in is that of available_page.sql.
-- Locks: none. Index: kerrera_jobs_available_index (or Oban's compound one); the primary key for one row.
{available_first}
SELECT
    e.id, e.scheduled_at, e.priority::int4,
    (SELECT i.inserted_at FROM {schema}.oban_jobs AS i WHERE i.id = e.id)
FROM (
    SELECT f.id, f.scheduled_at, f.priority
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
    OFFSET $1::bigint - 1
    LIMIT 1
) AS e
