-- Steps down from the neighbours' leadership, and tells them when that is committed.
-- Locks: the rows. Index: the primary key.
WITH gone AS (
    DELETE FROM {schema}.{table} AS o
    WHERE o.name = ANY ($1::text[]) AND o.node = $2::text
    RETURNING o.name
)
SELECT pg_notify('{leader_channel}', json_build_object('down', g.name)::text) FROM gone AS g
