-- Purpose: removes operations that ended long ago.
-- Locks:   the write lock of the file.
-- Index:   the primary key; the table has a handful of rows.
DELETE FROM kerrera_operations
WHERE id IN (SELECT id FROM kerrera_operations WHERE ended_at < :before ORDER BY id LIMIT :limit)
