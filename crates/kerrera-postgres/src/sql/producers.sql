-- The producers that claim jobs, by queue and node. One that has retired while it ran something is not
-- among them.
-- Locks: none. Index: none; there is a row for each queue of each node.
SELECT
    p.uuid, p.node, p.queue, (p.meta ->> 'limit')::bigint, (p.meta ->> 'paused')::bool,
    p.started_at
FROM {schema}.kerrera_producers AS p
WHERE p.seen_at <> 'infinity'
ORDER BY p.queue, p.node, p.started_at, p.uuid
