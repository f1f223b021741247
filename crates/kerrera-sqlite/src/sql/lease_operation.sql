-- Purpose: takes an operation that was found open.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_operations
SET state = 'running',
    holder = :holder,
    node = :node,
    leased_until = :until,
    started_at = coalesce(started_at, :now)
WHERE id = :id
