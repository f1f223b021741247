-- Rows of numbers of a time, fresh ones and those of one other tier, and what time it is.
-- Locks: none. Index: the primary key, a stretch of it for each tier.
SELECT n.at, r.tier, r.at, r.queue, r.worker, r.source, r.cells
FROM (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at) AS n
LEFT JOIN (
    SELECT m.tier, m.at, m.queue, m.worker, m.source, m.cells
    FROM {schema}.kerrera_metrics AS m
    WHERE m.tier = 0 AND m.at >= $3::timestamp AND m.at < $5::timestamp AND {wanted}
    UNION ALL
    SELECT m.tier, m.at, m.queue, m.worker, m.source, m.cells
    FROM {schema}.kerrera_metrics AS m
    WHERE m.tier = $2::integer AND m.at >= $4::timestamp AND m.at < $5::timestamp AND {wanted}
) AS r ON true
