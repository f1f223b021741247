-- The nodes that have said that they are there, and what time it is.
-- Locks: none. Index: none; the table has a row for each node.
SELECT
    n.process, n.node, n.card, n.started_at, n.seen_at,
    (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
FROM {schema}.kerrera_nodes AS n
ORDER BY n.node, n.started_at
