-- Purpose: the places of some rows along an index; the conditions and the order are filled in.
-- Locks:   none.
-- Index:   that of page.sql, without a look at the table.
SELECT id, <time>, priority
FROM oban_jobs
WHERE <conditions>
ORDER BY <order>
LIMIT ?1 OFFSET <skipped>
