-- Purpose: a number that changes with the orders for queues.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   none; the table has a handful of rows.
SELECT coalesce(sum(id), 0) FROM kerrera_queues
