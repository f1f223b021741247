-- Purpose: how many jobs a query has, up to its limit; its conditions are filled in.
-- Locks:   none.
-- Index:   see conditions.sql.
SELECT count(*) FROM (SELECT 1 FROM oban_jobs WHERE <conditions> LIMIT ?1)
