-- Lets the slots of a cron entry begin at a time.
-- Locks: the entry's row, which is held. Index: the primary key.
UPDATE {schema}.kerrera_crons AS c SET begins_at = $2::timestamp WHERE c.name = $1::text
