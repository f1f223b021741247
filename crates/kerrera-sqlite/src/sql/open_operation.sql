-- Purpose: the oldest operation that has not ended and that nobody is at; or the one of this number.
-- Locks:   none of its own.
-- Index:   the partial one of those that have not ended.
SELECT id
FROM kerrera_operations
WHERE state IN ('waiting', 'running')
  AND (leased_until IS NULL OR leased_until < :now OR holder = :holder)
  AND (:id IS NULL OR id = :id)
ORDER BY id
LIMIT 1
