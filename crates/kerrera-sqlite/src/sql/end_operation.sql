-- Purpose: ends an operation that has not ended.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_operations
SET state = :state, error = :error, ended_at = :now
WHERE id = :id AND state IN ('waiting', 'running')
