-- Purpose: remembers that workers were seen.
-- Locks:   none of its own; it runs under the write lock.
-- Index:   the primary key.
UPDATE kerrera_workers SET seen_at = :now
WHERE worker IN (SELECT value FROM json_each(:workers))
