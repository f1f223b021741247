-- Writes rows of numbers in the place of those with the same keys, and says what time it is.
-- Locks: the rows that it writes, in the order of their keys. Index: the primary key.
WITH written AS (
    INSERT INTO {schema}.kerrera_metrics AS m (tier, at, queue, worker, source, cells)
    SELECT n.tier, n.at, n.queue, n.worker, n.source, n.cells
    FROM unnest($2::integer[], $3::timestamp[], $4::text[], $5::text[], $6::uuid[], $7::bytea[])
        AS n (tier, at, queue, worker, source, cells)
    ORDER BY n.tier, n.at, n.queue, n.worker, n.source
    ON CONFLICT (tier, at, queue, worker, source) DO UPDATE SET cells = excluded.cells
)
SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
