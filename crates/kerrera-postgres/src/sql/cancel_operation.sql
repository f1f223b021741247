-- Stops an operation that has not ended. Locks: its row; waits for a step to end. Index: the primary
-- key.
UPDATE {schema}.kerrera_operations AS o
SET
    state = 'cancelled',
    ended_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
WHERE o.id = $2::bigint AND o.state IN ('waiting', 'running')
RETURNING o.id
