-- Purpose: forgets orders for queues.
-- Locks:   the write lock of the file.
-- Index:   none; the table has a handful of rows.
DELETE FROM kerrera_queues
WHERE :queue IN (queue, '*')
  AND :node IN (node, '*')
