-- Purpose: rows of numbers of a time: fresh ones and those of one other tier; marks, and rows of runs
--          or of queues.
-- Locks:   none.
-- Index:   the primary key, a stretch of it for each tier.
SELECT m.tier, m.at, m.queue, m.worker, m.source, m.cells
FROM (SELECT 0 AS tier, :fresh AS at UNION ALL SELECT :tier, :packed) AS t
CROSS JOIN kerrera_metrics AS m
WHERE m.tier = t.tier AND m.at >= t.at AND m.at < :to
  AND (m.queue = '' OR ((m.worker <> '') = :runs
                        AND (:queue IS NULL OR m.queue = :queue)
                        AND (:worker IS NULL OR m.worker = :worker)))
