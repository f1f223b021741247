-- Takes the oldest fresh rows away, of one hour at most, unless a process may still write them.
-- Locks: these rows. Index: the primary key, from the first fresh row on.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
first AS MATERIALIZED (
    SELECT min(f.at) AS at FROM {schema}.kerrera_metrics AS f WHERE f.tier = 0
)
DELETE FROM {schema}.kerrera_metrics AS m
WHERE m.tier = 0
    AND m.at >= (SELECT at FROM first)
    AND m.at < (SELECT date_trunc('hour', at) + interval '1 hour' FROM first)
    AND m.at <= (SELECT at FROM now) - interval '1 microsecond' * $5::bigint
    AND {seat}
RETURNING m.tier, m.at, m.queue, m.worker, m.source, m.cells
