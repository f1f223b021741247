-- Removes a cron entry and its slots, and tells of it when it commits.
-- Locks: these rows. Index: the primary keys.
WITH slots AS (
    DELETE FROM {schema}.kerrera_cron_slots AS s WHERE s.name = $1::text
)
DELETE FROM {schema}.kerrera_crons AS c WHERE c.name = $1::text RETURNING pg_notify($2::text, '')
