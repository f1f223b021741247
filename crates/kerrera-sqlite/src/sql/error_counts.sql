-- Purpose: how many failures a group met in each ten minutes since then.
-- Locks:   none.
-- Index:   the primary key.
SELECT at, count
FROM kerrera_error_counts
WHERE fingerprint = :fingerprint AND at > :since
ORDER BY at
