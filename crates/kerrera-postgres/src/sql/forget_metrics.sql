-- Forgets rows that are older than those of their tier are to be; says how many.
-- Locks: the rows that it deletes. Index: the primary key, the first rows of each tier.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
gone AS (
    DELETE FROM {schema}.kerrera_metrics AS m
    WHERE {seat} AND (
        (m.tier = 1 AND m.at < (SELECT at FROM now) - interval '1 microsecond' * $5::bigint)
        OR (m.tier = 2 AND m.at < (SELECT at FROM now) - interval '1 microsecond' * $6::bigint)
        OR (m.tier = 3 AND m.at < (SELECT at FROM now) - interval '1 microsecond' * $7::bigint)
    )
    RETURNING m.tier
)
SELECT count(*) FROM gone
