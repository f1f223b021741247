-- Purpose: how many failures groups met in each ten minutes since then; :fingerprints is a JSON array.
-- Locks:   none.
-- Index:   the primary key, once for each group.
SELECT at, count, fingerprint
FROM kerrera_error_counts
WHERE fingerprint IN (SELECT value FROM json_each(:fingerprints)) AND at > :since
ORDER BY fingerprint, at
