-- Purpose: what a starting node says about a worker.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
INSERT INTO kerrera_workers (worker, node, card, first_seen, seen_at)
VALUES (:worker, :node, :card, :now, :now)
ON CONFLICT (worker) DO UPDATE
SET node = excluded.node, card = excluded.card, seen_at = excluded.seen_at
