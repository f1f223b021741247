-- Purpose: writes an entry that a starting node brings, unless it was last brought just so. Slots
--          begin anew where the times are other ones.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
INSERT INTO kerrera_crons
    (name, expression, timezone, job, misfire, overlap, declared, begins_at, inserted_at, updated_at)
VALUES
    (:name, :expression, :timezone, :job, :misfire, :overlap, :definition, :now, :now, :now)
ON CONFLICT (name) DO UPDATE
SET begins_at = iif(expression = excluded.expression AND timezone = excluded.timezone,
                    begins_at, excluded.begins_at),
    expression = excluded.expression,
    timezone = excluded.timezone,
    job = excluded.job,
    misfire = excluded.misfire,
    overlap = excluded.overlap,
    declared = excluded.declared,
    updated_at = excluded.updated_at
WHERE declared <> excluded.declared
