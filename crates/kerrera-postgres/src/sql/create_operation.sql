-- Writes an operation down, for all jobs that there are now.
-- Locks: none beyond its row. Index: the primary key of the jobs, from its end.
INSERT INTO {schema}.kerrera_operations AS o
    (action, query, max_id, state, created_by, reason, total, total_quality, created_at)
SELECT
    $2::text, $3::text, (SELECT coalesce(max(j.id), 0) FROM {schema}.oban_jobs AS j), 'waiting',
    $4::text, $5::text, $6::bigint, $7::text,
    (SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp())))
RETURNING {operation}
