-- Purpose: whether an operation is still held, has not been stopped, and is as far as the caller knows.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
SELECT failures
FROM kerrera_operations
WHERE id = :id AND holder = :holder AND state = 'running' AND reached = :from
