-- Purpose: removes the slots of an entry that is about to be removed.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
DELETE FROM kerrera_cron_slots WHERE name = :name
