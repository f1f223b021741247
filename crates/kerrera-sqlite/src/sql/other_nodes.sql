-- Purpose: the producers that may claim, of every process.
-- Locks:   none.
-- Index:   none; the table has a row for each queue of each process.
SELECT uuid, process, node, enrolled_at
FROM kerrera_producers
WHERE NOT retired
ORDER BY node, uuid
