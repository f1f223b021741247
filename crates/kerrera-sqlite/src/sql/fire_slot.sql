-- Purpose: takes a slot, unless it has been taken.
-- Locks:   the write lock of the file.
-- Index:   the primary key, which decides.
INSERT INTO kerrera_cron_slots (name, slot, node, fired_at)
VALUES (:name, :slot, :node, :now)
ON CONFLICT DO NOTHING
