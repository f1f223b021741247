-- Purpose: the packed row of a key, if it is there.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
SELECT tier, at, queue, worker, source, cells
FROM kerrera_metrics
WHERE tier = :tier AND at = :at AND queue = :queue AND worker = :worker AND source = :source
