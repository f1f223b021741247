-- The place of the last row of a window along an index, and when that job was inserted; none if the
-- index ends before it. The conditions and the order are filled in.
-- Locks: none. Index: that of page.sql, without a look at the table where the map of visible pages allows
-- it.
SELECT
    e.id, e.time, NULL::int4,
    (SELECT i.inserted_at FROM {schema}.oban_jobs AS i WHERE i.id = e.id)
FROM (
    SELECT j.id, <time> AS time
    FROM {schema}.oban_jobs AS j
    WHERE <conditions>
    ORDER BY <order>
    OFFSET $1::bigint - 1
    LIMIT 1
) AS e
