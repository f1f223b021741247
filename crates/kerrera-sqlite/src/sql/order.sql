-- Purpose: writes an order for queues in the place of its like.
-- Locks:   the write lock of the file.
-- Index:   the unique one.
INSERT OR REPLACE INTO kerrera_queues
    (queue, node, setting, paused, "limit", running, reason, "by", source, at, until)
VALUES
    (:queue, :node, :setting, :paused, :max_running, :running, :reason, :by, :source, :now, :until)
