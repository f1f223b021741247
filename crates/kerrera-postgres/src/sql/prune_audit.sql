-- Removes the oldest entries of the log that are too old, while the seat is held.
-- Locks: the rows that it removes. Index: the primary key, from its beginning.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
oldest AS MATERIALIZED (
    SELECT a.id, a.at
    FROM {schema}.kerrera_audit AS a
    WHERE {seat}
    ORDER BY a.id
    LIMIT $6::bigint
),
gone AS (
    DELETE FROM {schema}.kerrera_audit AS a
    WHERE a.id = ANY (ARRAY(
        SELECT o.id
        FROM oldest AS o
        WHERE o.at < (SELECT at FROM now) - interval '1 microsecond' * $5::bigint
    ))
    RETURNING a.id
)
SELECT count(*) FROM gone
