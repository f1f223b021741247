-- Begins to fire a cron entry: whoever else wants to waits until this has been committed.
-- Locks: the entry's row. Index: the primary key.
SELECT FROM {schema}.kerrera_crons AS c WHERE c.name = $1::text FOR UPDATE
