-- Keeps orders for queues from being written until this has been committed.
-- Locks: the table, against writes. Index: none.
LOCK TABLE {schema}.kerrera_queues IN SHARE ROW EXCLUSIVE MODE
