-- Purpose: says that a producer is paused or not, and how many jobs it runs at once.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_producers
SET paused = :paused, max_running = :max_running
WHERE uuid = :uuid
