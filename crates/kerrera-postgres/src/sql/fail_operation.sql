-- Ends an operation that cannot be carried out. Locks: its row. Index: the primary key.
UPDATE {schema}.kerrera_operations AS o
SET
    state = 'failed',
    error = $3::text,
    ended_at = (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
WHERE o.id = $2::bigint AND o.state = 'running'
