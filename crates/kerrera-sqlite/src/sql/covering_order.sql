-- Purpose: whether an order that is newer than what a caller has seen covers another.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
SELECT 1
FROM kerrera_queues
WHERE id > :seen
  AND setting = :setting
  AND queue IN (:queue, '*')
  AND node IN (:node, '*')
