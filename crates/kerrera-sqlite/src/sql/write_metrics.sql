-- Purpose: a row of numbers, in the place of one with the same key.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
INSERT INTO kerrera_metrics (tier, at, queue, worker, source, cells)
VALUES (:tier, :at, :queue, :worker, :source, :cells)
ON CONFLICT (tier, at, queue, worker, source) DO UPDATE SET cells = excluded.cells
