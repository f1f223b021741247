-- Adds failures to their groups, and to the counts of these ten minutes.
-- Locks: the rows that it changes, in the order of their fingerprints. Index: the primary keys.
WITH now AS MATERIALIZED (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())) AS at
),
new AS MATERIALIZED (
    SELECT n.*
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
        AS n (fingerprint, worker, message, node, job, count)
    ORDER BY n.fingerprint
),
grouped AS (
    INSERT INTO {schema}.kerrera_errors AS e
        (fingerprint, worker, message, node, last_job, first_seen, last_seen, total)
    SELECT n.fingerprint, n.worker, n.message, n.node, n.job, w.at, w.at, n.count
    FROM new AS n CROSS JOIN now AS w
    ORDER BY n.fingerprint
    ON CONFLICT (fingerprint) DO UPDATE SET
        message = excluded.message,
        node = excluded.node,
        last_job = excluded.last_job,
        last_seen = greatest(e.last_seen, excluded.last_seen),
        total = e.total + excluded.total
)
INSERT INTO {schema}.kerrera_error_counts AS c (fingerprint, at, count)
SELECT
    n.fingerprint,
    date_trunc('hour', w.at) + interval '10 minutes' * floor(extract(minute FROM w.at) / 10),
    n.count
FROM new AS n CROSS JOIN now AS w
ORDER BY n.fingerprint
ON CONFLICT (fingerprint, at) DO UPDATE SET count = c.count + excluded.count
