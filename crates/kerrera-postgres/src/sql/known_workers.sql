-- The workers that nodes have registered.
-- Locks: none. Index: the primary key, for the order; the table has a row for each worker.
SELECT w.worker, w.node, w.card, w.first_seen, w.seen_at
FROM {schema}.kerrera_workers AS w
ORDER BY w.worker
