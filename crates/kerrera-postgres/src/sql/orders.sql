-- The orders for queues, and for how long each still holds. Those that have ended are told too, since
-- they count for the newest number.
-- Locks: none. Index: the primary key.
SELECT
    q.id, q.queue, q.node, q.setting, q.paused, q."limit", q.running, q.reason, q.by,
    q.source = 'signal', q.at, q.until,
    (extract(epoch FROM q.until - now.at) * 1000000)::bigint
FROM {schema}.kerrera_queues AS q
CROSS JOIN (SELECT (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
) AS at) AS now
ORDER BY q.id
