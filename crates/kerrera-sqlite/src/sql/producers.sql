-- Purpose: the producers of other processes.
-- Locks:   none.
-- Index:   none; the table has a row for each queue of each process.
SELECT uuid, process, enrolled_at
FROM kerrera_producers
WHERE process <> :process
ORDER BY process, uuid
