-- How many pages the table of jobs has.
-- Locks: that of a reading statement, on the table. Index: none; asks the file's size.
SELECT pg_catalog.pg_relation_size('{schema}.oban_jobs') / current_setting('block_size')::bigint
