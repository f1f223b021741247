-- How far the schema has been migrated, and who made its tables.
-- Locks: none. Index: none; there is one row.
SELECT s.version, s.origin FROM {schema}.kerrera_schema AS s
