-- Purpose: removes the oldest entries of the log that are too old.
-- Locks:   the write lock of the file.
-- Index:   the primary key, from its beginning.
DELETE FROM kerrera_audit
WHERE id IN (SELECT id FROM kerrera_audit ORDER BY id LIMIT :limit) AND at < :before
