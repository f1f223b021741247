-- Purpose: takes the oldest fresh rows away, of one hour at most, unless a process may still write
--          them.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key, from the first fresh row on.
DELETE FROM kerrera_metrics
WHERE tier = 0
  AND at >= (SELECT min(at) FROM kerrera_metrics WHERE tier = 0)
  AND at < (SELECT (min(at) / 3600000000 + 1) * 3600000000 FROM kerrera_metrics WHERE tier = 0)
  AND at <= :upto
RETURNING tier, at, queue, worker, source, cells
