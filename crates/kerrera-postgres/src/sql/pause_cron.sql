-- Pauses a cron entry, or lets it go on; then its slots begin anew. Tells of it when it commits.
-- Locks: the entry's row. Index: the primary key.
UPDATE {schema}.kerrera_crons AS c
SET
    begins_at = CASE WHEN c.paused AND NOT $3::bool THEN now.at ELSE c.begins_at END,
    paused = $3::bool,
    updated_at = now.at
FROM (SELECT (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
) AS at) AS now
WHERE c.name = $2::text
RETURNING pg_notify($4::text, '')
