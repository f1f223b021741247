-- Replaces a cron entry as a person wants it. Slots begin anew where the times are other ones.
-- Tells of it when it commits.
-- Locks: the entry's row. Index: the primary key.
UPDATE {schema}.kerrera_crons AS c
SET
    begins_at = CASE
        WHEN c.expression = $3::text AND c.timezone = $4::text THEN c.begins_at
        ELSE now.at
    END,
    expression = $3::text,
    timezone = $4::text,
    job = $5::text::jsonb,
    misfire = $6::text,
    overlap = $7::text,
    updated_at = now.at
FROM (SELECT (
    SELECT coalesce($1::timestamp, timezone('UTC', clock_timestamp()))
) AS at) AS now
WHERE c.name = $2::text
RETURNING pg_notify($8::text, '')
