-- Whether there is a table of jobs.
-- Locks: none. Index: the catalog's.
SELECT to_regclass('oban_jobs') IS NOT NULL
