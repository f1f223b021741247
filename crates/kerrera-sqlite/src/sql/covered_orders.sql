-- Purpose: removes the orders that another covers, which does not end by itself.
-- Locks:   the write lock of the file.
-- Index:   none; the table has a handful of rows.
DELETE FROM kerrera_queues
WHERE (queue, node, setting) <> (:queue, :node, :setting)
  AND setting = :setting
  AND :queue IN (queue, '*')
  AND :node IN (node, '*')
