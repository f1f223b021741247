-- Purpose: removes an entry; its slots are removed before.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
DELETE FROM kerrera_crons WHERE name = :name
