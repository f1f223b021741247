-- Remembers that these workers were seen, and forgets what has not been for too long.
-- Locks: the rows that it writes, which nobody else holds at the moment. Index: none; the tables have a
-- row for each worker and each node.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
workers AS MATERIALIZED (
    SELECT w.worker, w.worker = ANY ($5::text[]) AS is_seen
    FROM {schema}.kerrera_workers AS w
    WHERE {seat} AND (
        w.worker = ANY ($5::text[])
        OR w.seen_at < (SELECT at FROM now) - interval '1 microsecond' * $6::bigint
    )
    ORDER BY w.worker
    FOR UPDATE SKIP LOCKED
),
seen AS (
    UPDATE {schema}.kerrera_workers AS w
    SET seen_at = (SELECT at FROM now)
    WHERE w.worker IN (SELECT s.worker FROM workers AS s WHERE s.is_seen)
),
forgotten AS (
    DELETE FROM {schema}.kerrera_workers AS w
    WHERE w.worker IN (SELECT s.worker FROM workers AS s WHERE NOT s.is_seen)
)
DELETE FROM {schema}.kerrera_nodes AS n
WHERE {seat} AND n.process IN (
    SELECT o.process
    FROM {schema}.kerrera_nodes AS o
    WHERE o.seen_at < (SELECT at FROM now) - interval '1 microsecond' * $7::bigint
    FOR UPDATE SKIP LOCKED
)
