-- Takes the oldest operation that has not ended and that nobody is at; or the one of this number.
-- Locks: its row, unless somebody else is just taking it. Index: the partial one of those that have not
-- ended.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
)
UPDATE {schema}.kerrera_operations AS o
SET
    state = 'running',
    holder = $2::uuid,
    node = $3::text,
    leased_until = (SELECT at FROM now) + interval '1 microsecond' * $4::bigint,
    started_at = coalesce(o.started_at, (SELECT at FROM now))
WHERE o.id = ANY (ARRAY(
    SELECT f.id
    FROM {schema}.kerrera_operations AS f
    WHERE f.state IN ('waiting', 'running')
        AND (f.leased_until IS NULL OR f.leased_until < (SELECT at FROM now) OR f.holder = $2::uuid)
        AND ($5::bigint IS NULL OR f.id = $5::bigint)
    ORDER BY f.id
    LIMIT 1
    FOR UPDATE SKIP LOCKED
))
RETURNING {operation}
