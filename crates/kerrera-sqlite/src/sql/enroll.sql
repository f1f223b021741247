-- Purpose: makes a producer known; a second time changes nothing.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
INSERT INTO kerrera_producers (uuid, process, node, queue, max_running, enrolled_at)
VALUES (:uuid, :process, :node, :queue, :max_running, :now)
ON CONFLICT DO NOTHING
