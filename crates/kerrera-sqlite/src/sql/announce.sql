-- Purpose: what a node says about itself.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
INSERT INTO kerrera_nodes (process, presence, node, card, started_at, seen_at)
VALUES (:process, :presence, :node, :card, :now, :now)
ON CONFLICT (process) DO UPDATE
SET presence = excluded.presence, node = excluded.node, card = excluded.card,
    seen_at = excluded.seen_at
