-- Removes the orders for queues that have ended, and says which of them were pauses of ours.
-- Locks: their rows, in a table that is locked. Index: none; the table has a handful of rows.
DELETE FROM {schema}.kerrera_queues AS q
USING (SELECT (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
) AS at) AS now
WHERE q.until <= now.at
RETURNING q.queue, q.node, coalesce(q.paused, false) AND q.source = 'kerrera'
