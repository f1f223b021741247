-- Purpose: pauses an entry, or lets it go on; then its slots begin anew.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_crons
SET begins_at = iif(paused AND NOT :paused, :now, begins_at),
    paused = :paused,
    updated_at = :now
WHERE name = :name
