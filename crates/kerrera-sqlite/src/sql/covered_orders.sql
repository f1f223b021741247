-- Purpose: removes the orders that another covers, unless that ends by itself; and those that have
--          ended.
-- Locks:   the write lock of the file.
-- Index:   none; the table has a handful of rows.
DELETE FROM kerrera_queues
WHERE (queue, node, setting) <> (:queue, :node, :setting)
  AND (
      until <= :now
      OR (
          :until IS NULL
          AND setting = :setting
          AND :queue IN (queue, '*')
          AND :node IN (node, '*')
      )
  )
