-- Purpose: replaces an entry as a person wants it. Slots begin anew where the times are other ones.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
UPDATE kerrera_crons
SET begins_at = iif(expression = :expression AND timezone = :timezone, begins_at, :now),
    expression = :expression,
    timezone = :timezone,
    job = :job,
    misfire = :misfire,
    overlap = :overlap,
    updated_at = :now
WHERE name = :name
