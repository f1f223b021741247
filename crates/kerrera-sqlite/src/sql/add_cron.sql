-- Purpose: adds an entry, unless there is one of this name. What it was last brought as is empty, since
--          no program brought it.
-- Locks:   the write lock of the file.
-- Index:   the primary key.
INSERT INTO kerrera_crons
    (name, expression, timezone, job, misfire, overlap, declared, begins_at, inserted_at, updated_at)
VALUES
    (:name, :expression, :timezone, :job, :misfire, :overlap, '', :now, :now, :now)
ON CONFLICT (name) DO NOTHING
