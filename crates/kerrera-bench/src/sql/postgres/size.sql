-- How large the table of jobs is, and how many dead rows the statistics know of.
-- Locks: a shared one on the table, for a moment. Index: none.
SELECT
    pg_table_size('oban_jobs'),
    pg_indexes_size('oban_jobs'),
    coalesce(pg_stat_get_dead_tuples('oban_jobs'::regclass), 0)
