-- The indexes of the table of jobs: name, whether it can be used, and whether it is ours.
-- Locks: none. Index: the catalog's own.
SELECT c.relname::text, i.indisvalid, c.relname LIKE 'kerrera\_jobs\_%'
FROM pg_catalog.pg_index AS i
JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class AS t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
WHERE n.nspname = $1::text AND t.relname = 'oban_jobs' AND NOT i.indisprimary
ORDER BY c.relname
