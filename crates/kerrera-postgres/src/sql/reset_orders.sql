-- Forgets orders for queues, and tells of it when it commits.
-- Locks: the rows that it removes. Index: none; the table has a handful of rows.
WITH forgotten AS (
    DELETE FROM {schema}.kerrera_queues AS q
    WHERE $1::text IN (q.queue, '*') AND $2::text IN (q.node, '*')
    RETURNING q.id
)
SELECT count(pg_notify($3::text, '')) FROM (SELECT 1 FROM forgotten AS f LIMIT 1) AS any_order
