-- Adds a cron entry, unless there is one of this name. What it was last brought as is empty, since no
-- program brought it. Tells of it when it commits.
-- Locks: the row that it writes. Index: the primary key.
INSERT INTO {schema}.kerrera_crons AS c (
    name, expression, timezone, job, misfire, overlap, declared, begins_at, inserted_at, updated_at
)
SELECT
    $2::text, $3::text, $4::text, $5::text::jsonb, $6::text, $7::text, '', now.at, now.at, now.at
FROM (SELECT (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
) AS at) AS now
ON CONFLICT (name) DO NOTHING
RETURNING pg_notify($8::text, '')
