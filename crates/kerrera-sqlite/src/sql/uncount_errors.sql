-- Purpose: removes counts of failures that are no longer kept.
-- Locks:   the write lock of the file.
-- Index:   that of the time.
DELETE FROM kerrera_error_counts
WHERE (fingerprint, at) IN (
    SELECT fingerprint, at FROM kerrera_error_counts WHERE at < :before ORDER BY at LIMIT :limit
)
