-- Purpose: removes groups of failures that have met none for long.
-- Locks:   the write lock of the file.
-- Index:   that of the time.
DELETE FROM kerrera_errors
WHERE fingerprint IN (
    SELECT fingerprint FROM kerrera_errors WHERE last_seen < :before ORDER BY last_seen LIMIT :limit
)
