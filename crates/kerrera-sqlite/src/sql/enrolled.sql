-- Purpose: the producers that claim jobs, by queue and node.
-- Locks:   none.
-- Index:   none; the table has a row for each queue of each process.
SELECT uuid, node, queue, max_running, paused, enrolled_at
FROM kerrera_producers
WHERE retired = 0
ORDER BY queue, node, enrolled_at, uuid
