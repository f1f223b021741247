-- Purpose: removes the orders for queues that have ended.
-- Locks:   the write lock of the file.
-- Index:   none; the table has a handful of rows.
DELETE FROM kerrera_queues WHERE until <= :now
