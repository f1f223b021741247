-- Purpose: removes a dead producer, if it is the one that was looked at.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
DELETE FROM kerrera_producers
WHERE uuid = :uuid AND enrolled_at = :mark
