-- Removes operations that ended long ago, while the seat is held.
-- Locks: the rows that it removes. Index: the primary key; the table has a handful of rows.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
gone AS (
    DELETE FROM {schema}.kerrera_operations AS o
    WHERE o.id = ANY (ARRAY(
        SELECT e.id
        FROM {schema}.kerrera_operations AS e
        WHERE e.ended_at < (SELECT at FROM now) - interval '1 microsecond' * $5::bigint AND {seat}
        ORDER BY e.id
        LIMIT $6::bigint
    ))
    RETURNING o.id
)
SELECT count(*) FROM gone
